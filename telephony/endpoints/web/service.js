/* The way to the service: the key, requests, WebSockets. All addresses are relative: a proxy may have a prefix. */

import {$, alertIn, stored} from "./dom.js";

const STATUS_TIMEOUT_MS = 8000;

let key = stored.get("sessionStorage", "api-key") || "";
let given = false;                  // a key that the service has not answered to yet

/* The key to show in what is to be copied. */
export const keyOr = other => key || other;

/* The key's bytes, one a character: headers take no others. */
const keyBytes = () => String.fromCharCode(...new TextEncoder().encode(key));

export function useKey(value) {
  key = value;
  given = value !== "";
  stored.set("sessionStorage", "api-key", value);
}

/* The service has answered: shows the page in place of the question for a key. */
export function keyFits() {
  const asked = !$("key").hidden;
  $("key").hidden = true;
  $("forget").hidden = !key;
  if (asked && given) $("text").focus();
  given = false;
}

function askForKey() {
  const asked = !$("key").hidden;
  $("key").hidden = false;
  $("forget").hidden = true;
  if (asked && !key) return;         // somebody may be elsewhere by now
  if (key) {
    alertIn("key-wrong", "The service does not know this key.");
    useKey("");
  }
  $("key-value").focus();
}

export async function ask(path, options = {}) {
  const headers = {...options.headers, ...(key && {Authorization: `Bearer ${keyBytes()}`})};
  const answer = await fetch(path, {...options, headers, cache: "no-store", referrerPolicy: "no-referrer"});
  if (answer.status === 401) askForKey();
  return answer;
}

export function askStatus() {
  return ask("v1/status", {signal: AbortSignal.timeout(STATUS_TIMEOUT_MS)});
}

function send(method, path, body, options) {
  return ask(path, {...options, method, headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
}

export const post = (path, body, options) => send("POST", path, body, options);

export const put = (path, body) => send("PUT", path, body);

/* Why a request was refused. */
export async function problem(answer) {
  try {
    const told = await answer.json();
    const said = told.error?.message ?? told.err_msg ?? told.detail?.message ?? (typeof told.detail === "string" ? told.detail : told.detail?.[0]?.msg);
    if (said) return said;
  } catch { /* no JSON */ }
  return `the service answers ${answer.status}`;
}

/* A WebSocket has no headers here, and its address goes into the logs of proxies: a ticket stands for the key, once. */
export async function openSocket(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (key) {
    const answer = await post("v1/tickets", null);
    if (!answer.ok) throw new Error(`The service says: ${await problem(answer)}`);
    url.searchParams.set("ticket", (await answer.json()).ticket);
  }
  return new WebSocket(url);
}
