/* Who speaks: language, engine, voice, blend; what fits the text, and what could be had. */

import {$, announce, option, write} from "./dom.js";
import {guessLanguages, languageName} from "./language.js";
import {ask} from "./service.js";

// Piper and Supertonic have a model for each voice, or styles that cannot be mixed.
const UNBLENDED = ["piper", "supertonic"];

let voices = [];
let revision = "";
let picked = false;
let wanted = null;                  // what a link or the last visit has asked for, until there is a list of voices

export function engineName(name) {
  return name ? name[0].toUpperCase() + name.slice(1) : "–";
}

const isOf = (voice, language) => !language || voice.language === language;
const primary = tag => tag.split("-")[0];

function describe(voice) {
  const more = [voice.description, voice.grade && `grade ${voice.grade}`].filter(Boolean).join(", ");
  return more ? `${voice.name}: ${more}` : voice.name;
}

function groupName(voice) {
  return [languageName(voice.language), voice.gender].filter(Boolean).join(", ");
}

function fill(select, offered, chosen) {
  const groups = new Map();
  const byGroup = [...offered].sort((one, other) => groupName(one).localeCompare(groupName(other)));
  for (const voice of byGroup) {
    const name = groupName(voice);
    if (!groups.has(name)) {
      groups.set(name, document.createElement("optgroup"));
      groups.get(name).label = name;
    }
    groups.get(name).append(option(voice.name, describe(voice)));
  }
  select.replaceChildren(...groups.values());
  if (offered.some(voice => voice.name === chosen)) select.value = chosen;
}

/* ---- Lists ---- */

/* Gets the list anew if there are other voices than before. */
export async function followVoices(status) {
  if (status.voices_revision === revision) return;
  const answer = await ask("v1/voices");
  if (!answer.ok) return;
  const told = await answer.json();
  const isNew = revision !== "";
  revision = status.voices_revision;
  voices = told.data;
  const engines = [...new Set(voices.map(voice => voice.engine))];
  const kept = picked && engines.includes($("engine").value);
  const asked = wanted && voices.find(voice => voice.name === wanted.voice);
  const engine = asked?.engine ?? (kept ? $("engine").value : status.engine);
  const voice = asked?.name ?? (kept ? $("voice").value : status.voice);
  fillLanguages();
  $("engine").replaceChildren(...engines.map(name => option(name, engineName(name))));
  $("engine").value = engine;
  fillVoices(voice);
  if (wanted) useBlend(wanted);
  picked ||= Boolean(asked);
  if (wanted?.voice && !asked) announce(`There is no voice ${wanted.voice} here.`);
  wanted = null;
  const main = engines.find(name => name !== "piper");
  fill($("main-voice"), voices.filter(each => each.engine === main), $("main-voice").value || status.switch.voice);
  showMissing(told.missing);
  hintAtLanguage();
  if (isNew) announce("There are other voices now.");
}

function fillLanguages() {
  const chosen = $("language").value;
  const tags = [...new Set(voices.map(voice => voice.language))];
  const named = tags.map(tag => [tag, languageName(tag)]).sort((one, other) => one[1].localeCompare(other[1]));
  $("language").replaceChildren(option("", "every language"), ...named.map(([tag, name]) => option(tag, name)));
  $("language").value = tags.includes(chosen) ? chosen : "";
}

function fillVoices(chosen) {
  const engine = $("engine").value;
  const offered = voices.filter(voice => voice.engine === engine && isOf(voice, $("language").value));
  fill($("voice"), offered, chosen);
  const blended = !UNBLENDED.includes(engine);
  const other = $("blend").value;
  fill($("blend"), blended ? voices.filter(voice => voice.engine === engine) : []);
  $("blend").prepend(option("", "no other voice"));
  $("blend").value = blended && voices.some(voice => voice.engine === engine && voice.name === other) ? other : "";
  $("blend").disabled = !blended;
  $("share-field").hidden = !$("blend").value;
}

function showMissing(missing) {
  $("missing").hidden = !missing.length;
  $("missing-list").replaceChildren(...missing.map(({engine, language, names, how_to_get: how}) => {
    const row = document.createElement("li");
    const what = document.createElement("b");
    what.textContent = [engineName(engine), language && languageName(language)].filter(Boolean).join(", ");
    row.append(what, names.length ? ` (${names.join(" ")}): ${how}` : `: ${how}`);
    return row;
  }));
}

/* ---- The choice ---- */

/* A voice's name, or the recipe of a blend; null for the service's own voice. */
export function chosenVoice() {
  const voice = $("voice").value, other = $("blend").value;
  if (!voice || !other) return voice || null;
  const share = Number($("share").value);
  return `${voice}*${(100 - share) / 100}+${other}*${share / 100}`;
}

/* Who can say something in a language, by its tag: the chosen voice, or else the first that can; null for nobody. */
export function voiceFor(language) {
  const tag = (language || "").toLowerCase();
  const speaks = voice => !tag || `${voice.language.toLowerCase()}-`.startsWith(`${tag}-`);
  const chosen = voices.find(voice => voice.name === $("voice").value);
  return chosen && speaks(chosen) ? chosenVoice() : voices.find(speaks)?.name ?? null;
}

/* What a link, or the next visit, has to know. */
export function choice() {
  return {voice: $("voice").value, blend: $("blend").value, share: $("share").value};
}

/* As `choice` gave it; at once, or as soon as the voices are known. */
export function choose(choice) {
  if (!voices.length) {
    wanted = choice;
    return;
  }
  const voice = voices.find(each => each.name === choice.voice);
  if (voice) pick(voice);
  else if (choice.voice) announce(`There is no voice ${choice.voice} here.`);
  useBlend(choice);
}

function pick(voice) {
  picked = true;
  if (!isOf(voice, $("language").value)) $("language").value = "";
  $("engine").value = voice.engine;
  fillVoices(voice.name);
  hintAtLanguage();
}

function useBlend({blend, share}) {
  const there = [...$("blend").options].some(each => each.value === blend);
  $("blend").value = there ? blend : "";
  if (there && share) $("share").value = share;
  showShare();
}

function showShare() {
  $("share-field").hidden = !$("blend").value;
  write($("share-value"), `${$("share").value} %`);
}

/* ---- Does the voice fit the text? ---- */

export function hintAtLanguage() {
  const voice = voices.find(each => each.name === $("voice").value);
  const tags = guessLanguages($("text").value);
  const fits = !voice || !tags.length || tags.includes(primary(voice.language));
  $("fit").hidden = fits;
  if (fits) return;
  const better = tags.map(tag => voices.find(each => primary(each.language) === tag)).find(Boolean);
  write($("fit-told"), `The text looks like ${languageName(tags[0])}; ${voice.name} speaks ${languageName(voice.language)}.`
    + (better ? "" : " No voice for it is installed."));
  $("fit-use").hidden = !better;
  if (better) {
    write($("fit-use"), `Use ${better.name}`);
    $("fit-use").dataset.voice = better.name;
  }
}

export function startChoosing() {
  $("language").addEventListener("change", () => {
    picked = true;
    const fitting = voices.filter(voice => isOf(voice, $("language").value));
    if (!fitting.some(voice => voice.engine === $("engine").value)) $("engine").value = fitting[0].engine;
    fillVoices($("voice").value);
    hintAtLanguage();
  });
  $("engine").addEventListener("change", () => {
    picked = true;
    if (!voices.some(voice => voice.engine === $("engine").value && isOf(voice, $("language").value))) $("language").value = "";
    fillVoices();
    hintAtLanguage();
  });
  $("voice").addEventListener("change", () => { picked = true; hintAtLanguage(); });
  $("fit-use").addEventListener("click", () => {
    pick(voices.find(voice => voice.name === $("fit-use").dataset.voice));
    $("voice").focus();
  });
  for (const event of ["blend", "share"]) $(event).addEventListener("input", showShare);
}
