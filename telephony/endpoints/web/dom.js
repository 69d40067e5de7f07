/* Elements of the page, and what a screen reader is told of them. */

export const $ = id => document.getElementById(id);

/* For tests: what was received, heard and highlighted. */
export const measured = document.body.dataset;

export const stored = {
  get(store, name) { try { return window[store].getItem(name); } catch { return null; } },
  set(store, name, value) {
    try { value ? window[store].setItem(name, value) : window[store].removeItem(name); } catch { /* private mode */ }
  },
};

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* The first text of a figure; what explains it gives way to a note, if there is one. */
export function figure(id, text, note) {
  const [first, explanation] = $(id).childNodes;
  if (first.data !== text) first.data = text;
  if (!explanation) return;
  explanation.dataset.usual ??= explanation.textContent;
  write(explanation, note || explanation.dataset.usual);
}

export function seconds(value) {
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

export function count(value) {
  return value.toLocaleString("en");
}

export function option(value, text) {
  const element = document.createElement("option");
  element.value = value;
  element.textContent = text;
  return element;
}

/* The one live region: what has happened, politely. */
export function announce(text) {
  write($("told"), text);
}

/* A failure, in one of the alerts; no text clears it. */
export function alertIn(id, text) {
  write($(id), text);
}
