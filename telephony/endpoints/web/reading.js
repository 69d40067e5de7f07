/* The text as it is read: which words were heard, and which one is. */

import {$, measured} from "./dom.js";

export function showText(text) {
  const words = [];
  const reading = $("reading");
  reading.replaceChildren();
  reading.scrollTop = 0;
  let end = 0;
  for (const match of text.matchAll(/\S+/g)) {
    reading.append(text.slice(end, match.index));
    end = match.index + match[0].length;
    const span = document.createElement("span");
    span.textContent = match[0];
    reading.append(span);
    words.push({span, start: match.index, end, startS: null, endS: null});
  }
  return words;
}

export function highlight(words, heardS, over) {
  let now = null;
  for (const word of words) if (word.startS !== null && word.startS <= heardS) now = word;
  let said = now !== null;
  for (const word of words) {
    const current = word === now && !over;
    word.span.classList.toggle("now", current);
    word.span.classList.toggle("said", said && !current);
    if (word === now) said = false;
  }
  const place = now ? words.indexOf(now) : -1;
  if (now && Number(measured.word) !== place) {
    const box = $("reading");
    const top = now.span.offsetTop;
    if (top + now.span.offsetHeight > box.scrollTop + box.clientHeight || top < box.scrollTop) box.scrollTop = top - 8;
  }
  measured.word = place;
}
