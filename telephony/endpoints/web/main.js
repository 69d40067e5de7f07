/* The page: asks the service how it is every two seconds, and has the sections show it. */

import {followCalls, followLog, restartLog, showSwitch, startControl} from "./control.js";
import {$, alertIn, write} from "./dom.js";
import {followDoors} from "./doors.js";
import {followLexicon, startLexicon} from "./lexicon.js";
import {forgetChoice, startLinking} from "./link.js";
import {allowSpeech, redraw, startListening} from "./listen.js";
import {drawPlots} from "./plots.js";
import {askStatus, keyFits, useKey} from "./service.js";
import {showKeyNeeded, showOutage, showStatus} from "./status.js";
import {followTheme} from "./theme.js";
import {followVoices, startChoosing} from "./voices.js";

const POLL_MS = 2000;
const SPEAKS = ["ready", "stalled", "damaged"];     // the statuses in which texts are accepted

let timer = 0;
let asking = false;
let latest = null;

async function poll() {
  clearTimeout(timer);
  if (asking) return;
  asking = true;
  let pauseMs = POLL_MS;
  try {
    const answer = await askStatus();
    if (answer.ok) await show(await answer.json());
    else if (answer.status === 401) {
      pauseMs = 0;                                  // until there is another key
      allowSpeech(false);
      showKeyNeeded();
    } else {
      fail(`The service answers ${answer.status}.`);
      pauseMs = Math.max(POLL_MS, 1000 * Number(answer.headers.get("Retry-After") || 0));
    }
  } catch {
    fail("The service does not answer.");
  }
  asking = false;
  if (pauseMs && !document.hidden) timer = setTimeout(poll, pauseMs);
}

function fail(why) {
  allowSpeech(false);
  showOutage(why);
}

async function show(status) {
  const restarted = latest !== null && status.uptime_s < latest.uptime_s;
  if (restarted) restartLog();
  latest = status;
  keyFits();
  showStatus(status);
  showSwitch(status);
  if (SPEAKS.includes(status.status)) await followVoices(status);
  allowSpeech(SPEAKS.includes(status.status), status.max_text_chars);
  await followCalls();
  await followDoors(restarted);
  await followLexicon(restarted);
  await followLog();
}

$("key").querySelector("form").addEventListener("submit", event => {
  event.preventDefault();
  alertIn("key-wrong", "");
  useKey($("key-value").value.trim());
  $("key-value").value = "";
  poll();
});

$("forget").addEventListener("click", () => {
  useKey("");
  forgetChoice();
  location.reload();
});

document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
addEventListener("resize", () => {
  if (latest) drawPlots(latest.recent);
  redraw();
});

startListening();
startChoosing();
startLinking();
startControl(poll);
startLexicon();
followTheme(redraw);
write($("state"), "connecting");
poll();
