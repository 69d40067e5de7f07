/* The section "The service now": its figures, and whether they are those of this moment. */

import {$, announce, count, seconds, write} from "./dom.js";
import {drawPlots} from "./plots.js";
import {engineName} from "./voices.js";

const DOORS = {
  telephone: "Telephone", livekit: "Session protocol", pipecat: "Sentence protocol", gateway: "Gateway", openai: "OpenAI speech",
};

let shownAt = null;

function state(text, status) {
  write($("state"), text);
  $("state").dataset.status = status;
}

export function showKeyNeeded() {
  state("key needed", "locked");
}

/* The service does not answer, or not with its state: what is shown is that of earlier. */
export function showOutage(why) {
  state("not reachable", "unreachable");
  const since = shownAt === null ? "" : ` The figures are those of ${shownAt.toLocaleTimeString()}.`;
  write($("outage"), `${why} Speech is off until it answers; this page keeps trying.${since}`);
  document.body.classList.add("outage");
}

function endOutage() {
  if (!document.body.classList.contains("outage")) return;
  document.body.classList.remove("outage");
  write($("outage"), "");
  announce("The service answers again.");
}

export function showStatus(status) {
  endOutage();
  shownAt = new Date();
  state(status.status === "ready" ? `ready, ${engineName(status.engine)} speaks` : status.status, status.status);
  write($("now-engine"), engineName(status.engine));
  write($("now-voice"), status.voice || "–");
  write($("now-device"), status.device || "–");
  write($("now-memory"), status.memory_bytes === null ? "–" : bytes(status.memory_bytes));
  write($("now-queue"), String(status.queue_depth));
  write($("now-wait"), status.predicted_first_audio_s ? seconds(status.predicted_first_audio_s) : "–");
  write($("now-uptime"), duration(status.uptime_s));
  write($("now-version"), status.version);
  write($("now-engines"), status.engine_states.map(({name, device, voices}) => `${engineName(name)}: ${count(voices)} ${voices === 1 ? "voice" : "voices"}, ${device}`).join("; ") || "–");
  write($("now-cache"), status.cache ? cacheText(status.cache) : "none");
  showDoors(status.calls);
  drawPlots(status.recent);
}

function cacheText({memory_bytes: memory, file_bytes: files, hits, misses}) {
  return `${bytes(memory)} in memory, ${bytes(files)} in files; ${count(hits)} of ${count(hits + misses)} phrases found`;
}

function bytes(value) {
  return value < 2 ** 30 ? `${Math.round(value / 2 ** 20)} MiB` : `${(value / 2 ** 30).toFixed(2)} GiB`;
}

export function duration(totalS) {
  const minutes = Math.floor(totalS / 60);
  if (minutes < 1) return `${Math.floor(totalS)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

function showDoors(calls) {
  const list = $("doors");
  for (const name of new Set([...Object.keys(DOORS), ...Object.keys(calls)])) {
    let row = list.querySelector(`[data-door="${CSS.escape(name)}"]`);
    if (!row) {
      row = document.createElement("li");
      row.dataset.door = name;
      row.append(document.createElement("b"), DOORS[name] || name);
      list.append(row);
    }
    const number = calls[name] || 0;
    write(row.firstChild, String(number));
    row.classList.toggle("live", number > 0);
  }
}
