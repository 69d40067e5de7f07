/* The waveform of what has come. */

import {measured} from "./dom.js";
import {BIN, RATE} from "./speech.js";

/* A bar for every few milliseconds of a speech; those that were heard in another colour. */
export function drawWave(canvas, speech, heardS) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const draw = canvas.getContext("2d");
  draw.clearRect(0, 0, width, height);
  const step = 4 * ratio;
  const bars = Math.floor(width / step);
  const spanS = Math.max(3, speech.received / RATE);
  const binsPerBar = spanS * RATE / BIN / bars;
  const {color: accent, fill: quiet} = getComputedStyle(canvas);
  for (let bar = 0; bar < bars; bar++) {
    const from = Math.floor(bar * binsPerBar);
    const to = Math.max(from + 1, Math.floor((bar + 1) * binsPerBar));
    let peak = 0;
    for (let bin = from; bin < to && bin < speech.peaks.length; bin++) peak = Math.max(peak, speech.peaks[bin]);
    const half = Math.max(ratio, Math.sqrt(peak) * (height / 2 - 2 * ratio));
    draw.fillStyle = (bar + 0.5) / bars * spanS <= heardS ? accent : quiet;
    draw.fillRect(bar * step, height / 2 - half, 2.5 * ratio, 2 * half);
  }
  measured.waveBins = speech.peaks.length;
  if (speech.over) canvas.setAttribute("aria-label", `Waveform of ${(speech.received / RATE).toFixed(1)} seconds of speech`);
}
