/* What was heard, as a file. */

import {post, problem} from "./service.js";
import {RATE} from "./speech.js";

const SAMPLE_BYTES = 2;

function offer(blob, voice, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `speech-${(voice || "voice").replace(/[^\w-]+/g, "-")}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return link.download;
}

function wavHeader(dataBytes) {
  const header = new DataView(new ArrayBuffer(44));
  const ascii = (place, text) => [...text].forEach((letter, i) => header.setUint8(place + i, letter.charCodeAt(0)));
  ascii(0, "RIFF");
  header.setUint32(4, 36 + dataBytes, true);
  ascii(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);                       // PCM
  header.setUint16(22, 1, true);                       // mono
  header.setUint32(24, RATE, true);
  header.setUint32(28, RATE * SAMPLE_BYTES, true);
  header.setUint16(32, SAMPLE_BYTES, true);
  header.setUint16(34, 8 * SAMPLE_BYTES, true);
  ascii(36, "data");
  header.setUint32(40, dataBytes, true);
  return header;
}

/* The very samples, up to where it was stopped. */
export async function saveWav(speech) {
  let left = Math.round(speech.stoppedAt * RATE);
  const pieces = [];
  for (const piece of speech.kept) {
    pieces.push(piece.subarray(0, left));
    left -= pieces.at(-1).length;
    if (left <= 0) break;
  }
  const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  return offer(new Blob([wavHeader(bytes), ...pieces], {type: "audio/wav"}), speech.voice, "wav");
}

/* No browser writes MP3: the service speaks the words that were heard once more, mostly out of its cache. */
export async function saveMp3(speech) {
  const answer = await post("v1/audio/speech", {
    model: "kokoro", input: heardText(speech), voice: speech.voice, ...speech.how, response_format: "mp3", stream: false,
  });
  if (!answer.ok) throw new Error(await problem(answer));
  return offer(await answer.blob(), speech.voice, "mp3");
}

function heardText(speech) {
  const last = speech.words.findLast(word => word.startS !== null && word.startS < speech.stoppedAt);
  const whole = speech.stoppedAt >= speech.received / RATE && speech.done;
  // Of a document, or of an engine that knows no words' times, there is no part.
  return whole || !last || speech.text.trimStart().startsWith("<speak") ? speech.text : speech.text.slice(0, last.end);
}
