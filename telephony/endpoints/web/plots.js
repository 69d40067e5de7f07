/* The plots of the last five minutes. */

import {$, measured, seconds, write} from "./dom.js";

function shape(svg, kind, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  svg.append(element);
}

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map(factor => factor * power).find(each => each >= value);
}

function frame(svg, most) {
  const area = {left: 28, top: 8, right: svg.clientWidth - 1, bottom: svg.clientHeight - 20};
  svg.replaceChildren();
  for (const part of [0, 0.5, 1]) {
    const y = Math.round(area.bottom - part * (area.bottom - area.top)) + 0.5;
    shape(svg, "line", {class: "grid", x1: area.left, x2: area.right, y1: y, y2: y});
    const value = most * part;
    if (Number.isInteger(value) || most < 2) shape(svg, "text", {x: area.left - 6, y: y + 4, "text-anchor": "end"}, String(+value.toFixed(2)));
  }
  return area;
}

export function drawPlots(recent) {
  drawThroughput(recent.throughput, recent.step_s);
  drawWaits(recent.first_audio);
}

function drawThroughput(values, stepS) {
  const svg = $("throughput");
  const spanS = 300;
  const peak = Math.max(0, ...values);
  const most = roundUp(Math.max(1, peak));
  const {left, top, right, bottom} = frame(svg, most);
  const points = values.map((value, i) => {
    const x = right - (values.length - 1 - i) * stepS / spanS * (right - left);
    return `${x.toFixed(1)},${(bottom - value / most * (bottom - top)).toFixed(1)}`;
  });
  if (points.length) {
    const firstX = points[0].split(",")[0];
    shape(svg, "path", {class: "area", d: `M${firstX},${bottom}L${points.join("L")}L${right},${bottom}Z`});
    shape(svg, "path", {class: "curve", d: `M${points.join("L")}`});
  }
  shape(svg, "text", {x: left, y: bottom + 15}, "5 min ago");
  shape(svg, "text", {x: right, y: bottom + 15, "text-anchor": "end"}, "now");
  const now = values.at(-1) ?? 0;
  write($("throughput-now"), `Seconds of audio made in a second: ${now.toFixed(1)} now, ${peak.toFixed(1)} at most`);
  svg.setAttribute("aria-label", `Audio made in the last five minutes: now ${now.toFixed(1)}, at most ${peak.toFixed(1)} seconds per second`);
  measured.throughputPeak = peak;
}

function drawWaits(buckets) {
  const svg = $("waits");
  const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const highest = Math.max(4, ...buckets.map(bucket => bucket.count));
  const most = roundUp(highest);
  const {left, top, right, bottom} = frame(svg, most);
  const step = (right - left) / Math.max(1, buckets.length);
  buckets.forEach((bucket, i) => {
    const height = bucket.count / most * (bottom - top);
    if (bucket.count) shape(svg, "rect", {class: "bar", x: left + i * step + 1.5, y: bottom - height, width: Math.max(1, step - 3), height, rx: 1.5});
    if (i % 2 && bucket.up_to_s !== null) shape(svg, "text", {x: left + (i + 1) * step, y: bottom + 15, "text-anchor": "middle"}, String(bucket.up_to_s).replace(/^0/, ""));
  });
  shape(svg, "text", {x: right, y: bottom + 15, "text-anchor": "end"}, "s");
  let seen = 0;
  const median = buckets.find(bucket => (seen += bucket.count) * 2 >= total);
  const half = !total ? "no text" : median.up_to_s === null ? "half over 10 s" : `half within ${seconds(median.up_to_s)}`;
  const summary = total ? `${total} ${total === 1 ? "text" : "texts"}, ${half}` : half;
  write($("waits-now"), `Waits of the last five minutes: ${summary}`);
  svg.setAttribute("aria-label", `Waits for the first audio in the last five minutes: ${summary}`);
  measured.waits = total;
}
