/* How it is said: speed, pitch, range and volume. Where a slider is in the middle, the voice is as it is. */

import {$, write} from "./dom.js";

const signed = value => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value)}`;

/* What each slider shows, and how a request has it. */
const SLIDERS = {
  speed: {usual: 1, shown: value => value.toFixed(2)},
  pitch: {usual: 0, unit: "st", shown: value => `${signed(value)} semitones`},
  range: {usual: 0, unit: "%", shown: value => `${signed(value)} %`},
  volume: {usual: 0, unit: "dB", shown: value => `${signed(value)} dB`},
};

const valueOf = name => Number($(name).value);

/* The fields of a request. */
export function expression() {
  const moved = Object.entries(SLIDERS).filter(([name, {unit, usual}]) => unit && valueOf(name) !== usual);
  const written = moved.map(([name, {unit}]) => [name, `${valueOf(name) > 0 ? "+" : ""}${valueOf(name)}${unit}`]);
  return {speed: valueOf("speed"), ...Object.fromEntries(written)};
}

/* What a link, or the next visit, has to know. */
export function positions() {
  return Object.fromEntries(Object.keys(SLIDERS).map(name => [name, $(name).value]));
}

/* As `positions` gave it; what it has not stays. */
export function setPositions(wish) {
  for (const name of Object.keys(SLIDERS)) if (wish[name]) $(name).value = wish[name];
  show();
}

function show() {
  for (const [name, {shown}] of Object.entries(SLIDERS)) {
    write($(`${name}-value`), shown(valueOf(name)));
    $(name).setAttribute("aria-valuetext", shown(valueOf(name)));
  }
}

export function startExpression() {
  for (const name of Object.keys(SLIDERS)) $(name).addEventListener("input", show);
  $("plain").addEventListener("click", () => {
    for (const [name, {usual}] of Object.entries(SLIDERS)) $(name).value = usual;
    show();
  });
  show();
}
