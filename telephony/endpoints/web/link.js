/* A link that carries what is said and how, in its fragment, which no server sees; and the same for the next visit. */

import {$, announce, stored, write} from "./dom.js";
import {positions, setPositions} from "./expression.js";
import {choice, choose} from "./voices.js";

const PLACE = "last-choice";

function current() {
  const {voice, blend, share} = choice();
  const said = {text: $("text").value, voice, ...positions()};
  return blend ? {...said, blend, share} : said;
}

function apply(wish) {
  if (typeof wish.text === "string") $("text").value = wish.text;
  setPositions(wish);
  choose(wish);
  $("text").dispatchEvent(new Event("input"));
}

function fromFragment() {
  const wish = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return wish.text || wish.voice ? wish : null;       // else the place of a skip link
}

function remembered() {
  try { return JSON.parse(stored.get("localStorage", PLACE)); } catch { return null; }
}

export function forgetChoice() {
  stored.set("localStorage", PLACE, "");
}

function showLink() {
  const link = new URL(location.href);
  link.hash = new URLSearchParams(current());
  history.replaceState(null, "", link);
}

async function copyLink() {
  showLink();
  try {
    await navigator.clipboard.writeText(location.href);
    announce("The link is in the clipboard.");
  } catch {                         // not over plain HTTP, or not allowed
    announce("The link is in the address bar.");
  }
  write($("outcome"), $("told").textContent);
}

export function startLinking() {
  const wish = fromFragment() || remembered();
  if (wish) apply(wish);
  addEventListener("hashchange", () => { const linked = fromFragment(); if (linked) apply(linked); });
  $("link").addEventListener("click", copyLink);
  $("listen").addEventListener("submit", () => {
    stored.set("localStorage", PLACE, JSON.stringify(current()));
    if (fromFragment()) showLink();   // else the next visit would show an older text
  });
}
