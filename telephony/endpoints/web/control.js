/* What an operator does: who speaks on the telephone, the calls of this moment, the log. */

import {$, alertIn, announce, write} from "./dom.js";
import {ask, post, problem} from "./service.js";
import {duration} from "./status.js";
import {engineName} from "./voices.js";

const DOORS = {telephone: "Telephone", audiosocket: "AudioSocket", media: "Media WebSocket"};
const MAX_LOG_LINES = 200;
const MAX_ROWS = 50;                // of the table of calls

/* ---- Who speaks on the telephone ---- */

let edited = false;
let wanted = null;

export function showSwitch(status) {
  const there = status.switch.database;
  $("switch-fields").disabled = !there;
  write($("switch-note"), there
    ? "Written to the host's database. Calls follow within a second; what is being spoken is finished."
    : "This service has no database to write this into. Start it with --db FILE to switch from here.");
  if (!edited) {
    for (const radio of document.getElementsByName("who")) radio.checked = radio.value === status.switch.engine;
    if ($("main-voice").value !== status.switch.voice) $("main-voice").value = status.switch.voice;
  }
  const speaks = status.engine === "piper" ? "piper" : "kokoro";
  if (wanted && wanted.engine === status.switch.engine && speaks === wanted.engine) {
    wanted = null;
    tell(`${engineName(status.engine)} speaks now, as ${status.voice}.`);
  }
}

function tell(text) {
  write($("switched"), text);
  announce(text);
}

async function switchEngine(poll) {
  const engine = document.querySelector("[name=who]:checked").value;
  const voice = $("main-voice").value;
  alertIn("switch-failure", "");
  try {
    const answer = await post("v1/selection", voice ? {engine, voice} : {engine});
    if (!answer.ok) throw new Error(await problem(answer));
    edited = false;
    wanted = {engine};
    tell(`Written: ${engineName(engine)} is to speak.`);
    setTimeout(poll, 600);
  } catch (error) {
    write($("switched"), "");
    alertIn("switch-failure", `Not switched: ${error.message}`);
  }
}

/* ---- Calls ---- */

export async function followCalls() {
  const answer = await ask("v1/calls");
  if (!answer.ok) return;
  const {calls} = await answer.json();
  write($("calls-note"), !calls.length ? "No call is connected."
    : calls.length > MAX_ROWS ? `${calls.length} calls are connected; the ${MAX_ROWS} longest ones are shown.` : "");
  $("calls-table").hidden = !calls.length;
  const rows = $("calls-rows");
  const known = new Map([...rows.children].map(row => [row.dataset.call, row]));
  for (const call of calls.slice(0, MAX_ROWS)) {
    const row = known.get(nameOf(call)) || newRow(call);
    known.delete(nameOf(call));
    const [, by, since, speaks] = row.children;
    write(by, `${DOORS[call.door]}: ${call.peers.join(", ")}`);
    write(since, duration(call.connected_s));
    write(speaks, call.speaking ? "speaks" : "silent");
    rows.append(row);
  }
  for (const row of known.values()) row.remove();
}

/* Hosts that share this service may have calls of the same id. */
function nameOf({call_id: id, host}) {
  return host ? `${id} of ${host}` : id;
}

function newRow(call) {
  const row = document.createElement("tr");
  const id = nameOf(call);
  row.dataset.call = id;
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = id;
  const acts = document.createElement("td");
  acts.append(
    callButton("Interrupt", id, () => act(call, "interrupt", "was interrupted")),
    callButton("Hang up", id, () => confirm(`Hang up call ${id}?`) && act(call, "hangup", "was hung up")),
  );
  row.append(name, ...Array.from({length: 3}, () => document.createElement("td")), acts);
  return row;
}

function callButton(text, id, onClick) {
  const button = document.createElement("button");
  button.className = "small";
  button.type = "button";
  button.textContent = text;
  button.setAttribute("aria-label", `${text} call ${id}`);
  button.addEventListener("click", onClick);
  return button;
}

async function act(call, what, done) {
  const id = nameOf(call);
  alertIn("calls-failure", "");
  try {
    const answer = await post(`v1/calls/${encodeURIComponent(call.call_id)}/${what}?host=${encodeURIComponent(call.host)}`, null);
    if (!answer.ok) throw new Error(await problem(answer));
    announce(`Call ${id} ${done}.`);
    await followCalls();
  } catch (error) {
    alertIn("calls-failure", `Call ${id}: ${error.message}`);
  }
}

/* ---- Log ---- */

let lastLine = 0;

/* The lines since the last time, while the log is open; it stays at its end unless somebody has scrolled up. */
export async function followLog() {
  if (!$("log-box").open) return;
  const answer = await ask(`v1/log?after=${lastLine}`);
  if (!answer.ok) return;
  const {lines} = await answer.json();
  if (!lines.length) return;
  const log = $("log");
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  lastLine = lines.at(-1).number;
  log.textContent = [...log.textContent.split("\n"), ...lines.map(line => line.text)].filter(Boolean).slice(-MAX_LOG_LINES).join("\n");
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/* The service was started anew, and counts its lines from 1. */
export function restartLog() {
  lastLine = 0;
}

export function startControl(poll) {
  $("switch").addEventListener("change", () => { edited = true; });
  $("switch").addEventListener("submit", event => { event.preventDefault(); switchEngine(poll); });
  $("log-box").addEventListener("toggle", () => { followLog().catch(() => {}); });
}
