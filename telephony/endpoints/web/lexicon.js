/* The section "Lexicon": how words are said, to be listed, tried, kept and removed. */

import {$, alertIn, announce, count, write} from "./dom.js";
import {say} from "./listen.js";
import {ask, problem, put} from "./service.js";
import {voiceFor} from "./voices.js";

const PATH = "v1/lexicon";
const FAILURE = "lexicon-failure";
const MAX_ROWS = 100;               // of what is found
const FIELDS = ["word", "alias", "ipa", "language"];

let entries = [];
let changing = null;                // the entry that is in the form, as it was
let loaded = false;

/* ---- The list ---- */

/* Gets the entries once, and again from a service that was started anew. */
export async function followLexicon(restarted) {
  if (loaded && !restarted) return;
  await load().catch(error => alertIn("lexicon-error", `The entries are not known: ${error.message}`));
}

async function load() {
  const answer = await ask(PATH);
  if (!answer.ok) throw new Error(await problem(answer));
  const {file, error, entries: told} = await answer.json();
  loaded = true;
  entries = told;
  $("entry-keep").disabled = !file;
  write($("lexicon-note"), file ? "What is kept here is heard at every endpoint from the next text on."
    : "This service has no file to keep entries in. Start it with --lexicon FILE; what you try here can be heard without one.");
  alertIn("lexicon-error", error ? `The file is not obeyed as it is now: ${error}` : "");
  showEntries();
}

function showEntries() {
  const sought = $("lexicon-find").value.trim().toLowerCase();
  const found = entries.filter(entry => [entry.word, entry.alias, entry.ipa].some(text => text?.toLowerCase().includes(sought)));
  $("lexicon-table").hidden = !found.length;
  $("lexicon-rows").replaceChildren(...found.slice(0, MAX_ROWS).map(newRow));
  const number = `${count(found.length)} of ${count(entries.length)} entries`;
  write($("lexicon-count"), found.length > MAX_ROWS ? `${number}; the first ${MAX_ROWS} are shown.` : `${number}.`);
}

function newRow(entry) {
  const row = document.createElement("tr");
  const word = document.createElement("th");
  word.scope = "row";
  word.textContent = entry.word;
  const said = [entry.alias, entry.ipa && `/${entry.ipa}/`].filter(Boolean).join(", or ");
  const cells = [said, entry.language || "all", entry.case_sensitive ? "counts" : "any"].map(text => {
    const cell = document.createElement("td");
    cell.textContent = text;
    return cell;
  });
  const acts = document.createElement("td");
  acts.append(
    button("Hear", entry, () => hear(entry)),
    button("Change", entry, () => change(entry)),
    button("Remove", entry, () => confirm(`Remove ${entry.word}?`) && act(() => remove(entry), `${entry.word} is removed.`)),
  );
  row.append(word, ...cells, acts);
  return row;
}

function button(text, entry, onClick) {
  const element = document.createElement("button");
  element.className = "small";
  element.type = "button";
  element.textContent = text;
  element.setAttribute("aria-label", `${text} ${entry.word}${entry.language ? `, ${entry.language}` : ""}`);
  element.addEventListener("click", onClick);
  return element;
}

/* ---- One entry ---- */

function wanted() {
  const said = Object.fromEntries(FIELDS.map(name => [name, $(`entry-${name}`).value.trim() || null]));
  return {...said, word: said.word ?? "", case_sensitive: $("entry-case").checked};
}

function change(entry) {
  changing = entry;
  for (const name of FIELDS) $(`entry-${name}`).value = entry[name] ?? "";
  $("entry-case").checked = entry.case_sensitive;
  alertIn(FAILURE, "");
  $("entry-word").focus();
}

function hear(entry) {
  alertIn(FAILURE, "");
  const voice = voiceFor(entry.language);
  if (!voice) alertIn(FAILURE, `No voice here speaks ${entry.language}.`);
  else if (entry.word) say(entry.word, voice, {pronunciations: [entry], failure: FAILURE});
}

async function keep(entry) {
  const answer = await put(PATH, entry);
  if (!answer.ok) throw new Error(await problem(answer));
  const before = changing;
  const isThat = before && ["word", "language", "case_sensitive"].every(name => before[name] === entry[name]);
  if (before && !isThat) await remove(before);
  empty();
}

async function remove({word, language, case_sensitive}) {
  const query = new URLSearchParams({word, case_sensitive, ...(language && {language})});
  const answer = await ask(`${PATH}?${query}`, {method: "DELETE"});
  if (!answer.ok && answer.status !== 404) throw new Error(await problem(answer));    // 404: it is gone already
}

async function act(doing, done) {
  alertIn(FAILURE, "");
  try {
    await doing();
    await load();
    announce(done);
  } catch (error) {
    alertIn(FAILURE, `Not done: ${error.message}`);
  }
  $("entry-word").focus();
}

function empty() {
  changing = null;
  $("entry").reset();
}

export function startLexicon() {
  $("entry").addEventListener("submit", event => {
    event.preventDefault();
    const entry = wanted();
    if (!$("entry-keep").disabled) act(() => keep(entry), `${entry.word} is kept.`);
  });
  $("entry-hear").addEventListener("click", () => hear(wanted()));
  $("entry-empty").addEventListener("click", () => { empty(); alertIn(FAILURE, ""); $("entry-word").focus(); });
  $("lexicon-find").addEventListener("input", showEntries);
  $("lexicon-again").addEventListener("click", () => act(async () => {}, "The lexicon was read again."));
}
