/* The section Listen: speak, stop, look, save. */

import {$, alertIn, announce, count, figure, measured, seconds, write} from "./dom.js";
import {expression, startExpression} from "./expression.js";
import {highlight} from "./reading.js";
import {saveMp3, saveWav} from "./save.js";
import {openAudio, loudness, RATE, restAudio, Speech} from "./speech.js";
import {chosenVoice, hintAtLanguage} from "./voices.js";
import {drawWave} from "./wave.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

let speech = null;
let drawing = false;
let lastDrawn = 0;
let maxChars = Infinity;
let available = false;
let failureId = "failure";         // the alert of what is spoken now

const length = text => [...text].length;     // in characters, as the service counts them

/* ---- What the service lets us do ---- */

/* Whether texts are accepted now, and how long they may be. */
export function allowSpeech(ready, limit = maxChars) {
  available = ready;
  maxChars = limit;
  $("speak").disabled = !ready;
  showCount();
}

function showCount() {
  const chars = length($("text").value);
  const over = chars - maxChars;
  write($("count"), over > 0
    ? `${count(chars)} characters: ${count(over)} more than the ${count(maxChars)} of one text. Shorten it, or speak it in parts.`
    : maxChars < Infinity ? `${count(chars)} of ${count(maxChars)} characters` : `${count(chars)} characters`);
  $("count").classList.toggle("wrong", over > 0);
  $("text").setAttribute("aria-invalid", String(over > 0));
}

/* ---- Speaking ---- */

function speak() {
  const text = $("text").value;
  const refusal = !text.trim() ? "There is no text to speak." : length(text) > maxChars ? $("count").textContent : "";
  alertIn("failure", refusal);
  if (refusal) {
    $("text").focus();
    return;
  }
  say(text, chosenVoice());
}

/* Speaks a text in place of what is spoken now. A failure is told in the alert of that id. */
export function say(text, voice, {pronunciations = [], failure = "failure"} = {}) {
  if (!available) return;
  speech?.stop();
  alertIn(failureId, "");
  failureId = failure;
  openAudio();
  for (const id of ["first-audio", "rtf", "heard", "gaps"]) figure(id, "–");
  Object.assign(measured, {samplesReceived: 0, samplesPlayed: 0, word: -1, waveBins: 0});
  speech = new Speech(text, voice, {...expression(), pronunciations}, showState);
  speech.begin();
  if (!drawing) requestAnimationFrame(drawFrame);
  drawing = true;
}

function showState(told, name, message) {
  if (told !== speech) return;
  measured.state = name;
  const at = speech.stoppedAt === null ? "" : seconds(speech.stoppedAt);
  const texts = {
    connecting: "Connecting.", waiting: "Waiting for the first audio.", speaking: "Speaking.",
    stopping: `Stopped after ${at}.`, stopped: `Stopped after ${at}.`,
    canceled: `Stopped after ${at}; the service makes no more of it.`,
    finished: `Spoken to the end: ${at}.`, failed: "",
  };
  write($("outcome"), texts[name]);
  announce(texts[name]);
  alertIn(failureId, message || "");
  const running = !speech.over;
  if (!running && document.activeElement === $("stop")) $("speak").focus();
  $("stop").disabled = !running;
  for (const button of [$("save-wav"), $("save-mp3")]) button.disabled = running || !speech.stoppedAt;
}

/* ---- Looking ---- */

function drawFrame(now) {
  if (!calm.matches || now - lastDrawn > 250 || speech.over) {
    lastDrawn = now;
    drawSpeech();
  }
  const loud = loudness();
  measured.level = loud.toFixed(4);
  if (speech.over && loud === 0) {
    drawing = false;
    restAudio();
    drawSpeech();
  } else requestAnimationFrame(drawFrame);
}

function drawSpeech() {
  speech.pump();
  if (speech.done && !speech.over && !speech.queue.length && speech.heard() >= speech.received / RATE - 1e-3) speech.finish();
  const heardS = speech.heard();
  measured.samplesPlayed = Math.round(heardS * RATE);
  highlight(speech.words, heardS, speech.over);
  drawWave($("wave"), speech, heardS);
  const madeS = speech.received / RATE;
  if (speech.firstAudioMs !== null) {
    const note = speech.cached ? "from cache" : "";
    figure("first-audio", seconds(speech.firstAudioMs / 1000), note);
    figure("rtf", ((speech.lastAt - speech.saidAt) / 1000 / madeS).toFixed(2), note);
    figure("gaps", speech.gaps ? `${speech.gaps}, ${seconds(speech.gapS)}` : "none");
  }
  figure("heard", `${heardS.toFixed(1)} of ${madeS.toFixed(1)} s`);
}

export function redraw() {
  if (speech) drawSpeech();
}

/* ---- The form ---- */

async function save(how) {
  alertIn("failure", "");
  try {
    announce(`Saved as ${await how(speech)}.`);
  } catch (error) {
    alertIn("failure", `Not saved: ${error.message}`);
  }
}

export function startListening() {
  // A tab in the background is not asked to draw; speech goes on.
  setInterval(() => { if (document.hidden && speech && !speech.over) drawSpeech(); }, 500);
  $("listen").addEventListener("submit", event => { event.preventDefault(); speak(); });
  $("stop").addEventListener("click", () => speech?.stop());
  $("save-wav").addEventListener("click", () => save(saveWav));
  $("save-mp3").addEventListener("click", () => save(saveMp3));
  $("text").addEventListener("keydown", event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); speak(); }
  });
  $("text").addEventListener("input", () => { showCount(); hintAtLanguage(); });
  document.addEventListener("keydown", event => { if (event.key === "Escape") speech?.stop(); });
  startExpression();
  showCount();
}
