/* Asks a door as its clients do, up to the first audio. */

import {seconds} from "./dom.js";
import {ask, openSocket, post, problem} from "./service.js";

const TIMEOUT_MS = 10_000;

const TESTS = {request: byRequest, websocket: byWebSocket, service: byService};

/* Whether audio came, and what was answered. `fill` puts in what only this page knows. */
export async function tryDoor(door, fill) {
  try {
    return {ok: true, message: await TESTS[door.test.by](JSON.parse(fillAll(door.test, fill)), door)};
  } catch (error) {
    return {ok: false, message: error.name === "TimeoutError" ? "No audio within 10 s." : error.message};
  }
}

/* In an address a voice is written as addresses are: a blend has a plus sign. */
function fillAll(test, fill) {
  return JSON.stringify(test, (name, value) => typeof value !== "string" ? value
    : name === "path" ? value.replace("{voice}", encodeURIComponent(fill("{voice}"))) : fill(value));
}

const told = (status, sinceMs) => `Answered ${status}, first audio after ${seconds((performance.now() - sinceMs) / 1000)}.`;

async function byRequest({path, body}) {
  const sinceMs = performance.now();
  const stopping = new AbortController();
  const timer = setTimeout(() => stopping.abort(new DOMException("", "TimeoutError")), TIMEOUT_MS);
  try {
    const options = {signal: stopping.signal};
    const answer = await (body ? post(path, body, options) : ask(path, options));
    if (!answer.ok) throw new Error(`Answered ${answer.status}: ${await problem(answer)}`);
    const reader = answer.body.getReader();
    for (;;) {
      const {done, value} = await reader.read();
      if (done) throw new Error(`Answered ${answer.status}, without any audio.`);
      if (value.length) break;
    }
    const message = told(answer.status, sinceMs);
    await reader.cancel();
    return message;
  } finally {
    clearTimeout(timer);
  }
}

async function byWebSocket({path, messages}) {
  const socket = await openSocket(path);
  socket.binaryType = "arraybuffer";
  let opened = 0;
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new DOMException("", "TimeoutError")), TIMEOUT_MS);
      socket.addEventListener("open", () => {
        opened = performance.now();
        for (const message of messages) socket.send(JSON.stringify(message));
      });
      socket.addEventListener("message", ({data}) => {
        const said = typeof data === "string" ? JSON.parse(data) : {audio: data};
        const wrong = /^error$/i.test(said.type) ? said.message ?? said.description : said.error && (said.message ?? said.error);
        if (wrong) reject(new Error(`Connected, then: ${wrong}`));
        else if (said.audio) resolve(told("101", opened));
      });
      socket.addEventListener("close", ({code, reason}) => {
        clearTimeout(timer);
        reject(new Error(opened ? `Closed before any audio: ${reason || code}.` : "The connection was refused."));
      });
    });
  } finally {
    socket.close();
  }
}

async function byService(_, {name}) {
  const answer = await post(`v1/doors/${name}/test`, null);
  if (!answer.ok) throw new Error(`Not tested: ${await problem(answer)}`);
  const {first_audio_ms: firstAudioMs, message} = await answer.json();
  if (firstAudioMs === null) throw new Error(`Asked by the service itself: ${message}.`);
  return `Asked by the service itself: first audio after ${seconds(firstAudioMs / 1000)}.`;
}
