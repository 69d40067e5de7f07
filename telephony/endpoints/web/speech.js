/* One text, heard while it comes. */

import {measured} from "./dom.js";
import {showText} from "./reading.js";
import {openSocket} from "./service.js";

export const RATE = 24000;          // Hz, of the audio that is asked for
export const BIN = RATE / 100;      // samples in one value of the waveform
const LOOKAHEAD_S = 3;              // scheduled at once; a tab in the background wakes up once a second
const MAX_PIECE_S = 0.5;

let context = null;
let volume = null;
let analyser = null;
let speeches = 0;

/* Browsers let a page make a sound only once somebody has asked for it: call this from a click. */
export function openAudio() {
  if (!context) {
    // At the rate of the speech, pieces join without a seam; what comes after resamples the whole.
    context = new AudioContext({sampleRate: RATE, latencyHint: "interactive"});
    analyser = new AnalyserNode(context, {fftSize: 2048});
    volume = new GainNode(context);
    volume.connect(analyser).connect(context.destination);
  }
  context.resume();
}

export function restAudio() {
  context.suspend();
}

const level = new Float32Array(2048);

/* The highest sample of the moment, 0 to 1. */
export function loudness() {
  analyser.getFloatTimeDomainData(level);
  return level.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/* States, of which `onState` is told: connecting, waiting, speaking; then finished, or stopping and canceled, or stopped,
   or failed with a message. */
export class Speech {
  constructor(text, voice, how, onState) {
    this.id = `page-${++speeches}`;
    this.text = text;
    this.askedAt = performance.now();
    this.saidAt = this.lastAt = this.askedAt;
    this.queue = [];           // Int16Array, received and not yet scheduled
    this.scheduled = [];       // {at, position, duration}: context time, seconds of the speech
    this.sources = new Set();
    this.kept = [];            // all that has come, to be saved
    this.received = 0;         // samples
    this.peaks = [];           // 0..1 for every BIN samples
    this.nextAt = 0;
    this.position = 0;
    this.gaps = 0;
    this.gapS = 0;
    this.firstAudioMs = null;
    this.done = false;         // every sample has come
    this.over = false;         // nothing more will be heard
    this.stoppedAt = null;
    this.socket = null;
    this.cached = false;       // whether its first sound came from the phrase cache
    this.words = showText(text);
    this.cursor = 0;
    this.voice = voice;
    this.how = how;            // fields of a request: speed, and what else says how it is to be
    this.onState = onState;
  }

  async begin() {
    this.setState("connecting");
    try {
      this.socket = await openSocket("v1/audio/speech/stream/ws");
    } catch (error) {
      if (!this.over) this.fail(error.message);
      return;
    }
    if (this.over) {
      this.socket.close();
      return;
    }
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => {
      this.saidAt = this.lastAt = performance.now();
      this.send({type: "start", voice: this.voice, format: "pcm", sample_rate: RATE, timestamps: true});
      this.send({type: "speak", text: this.text, request_id: this.id, ...this.how});
      this.setState("waiting");
    });
    this.socket.addEventListener("message", ({data}) => {
      if (typeof data === "string") this.hear(JSON.parse(data));
      else this.take(new Int16Array(data));
    });
    this.socket.addEventListener("close", ({code, reason}) => {
      if (this.done || this.over) return;
      const refused = code === 1008 || code === 1013;
      this.fail(refused && reason ? `The service says: ${reason}` : "The connection to the service was lost.");
    });
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  hear(message) {
    if (message.type === "started_speak") this.cached = message.cached === true;
    else if (message.type === "meta") this.learn(message.words || []);
    else if (message.type === "done") {
      this.done = true;
      this.socket.close();
    } else if (message.type === "canceled") {
      this.setState("canceled");
      this.socket.close();
    } else if (message.type === "error") {
      // What is canceled may have ended by itself at the same moment.
      if (this.stoppedAt === null) this.fail(`The service says: ${message.message}`);
      this.socket.close();
    }
  }

  take(samples) {
    if (this.over) return;
    this.lastAt = performance.now();
    for (let i = 0; i < samples.length; i++) {
      const bin = Math.floor((this.received + i) / BIN);
      const value = Math.abs(samples[i]) / 32768;
      if (!(this.peaks[bin] >= value)) this.peaks[bin] = value;
    }
    this.received += samples.length;
    measured.samplesReceived = this.received;
    this.queue.push(samples);
    this.kept.push(samples);
    this.pump();
  }

  /* Schedules what has come, a few seconds ahead. */
  pump() {
    while (!this.over && this.queue.length && this.nextAt - context.currentTime < LOOKAHEAD_S) {
      const pieces = [];
      let length = 0;
      while (this.queue.length && length < MAX_PIECE_S * RATE) {
        pieces.push(this.queue.shift());
        length += pieces.at(-1).length;
      }
      const buffer = new AudioBuffer({length, sampleRate: RATE});
      const channel = buffer.getChannelData(0);
      let offset = 0;
      for (const piece of pieces) for (const sample of piece) channel[offset++] = sample / 32768;
      this.play(buffer);
    }
  }

  play(buffer) {
    const soon = Math.ceil((context.currentTime + 0.02) * RATE) / RATE;
    if (this.nextAt < context.currentTime) {
      if (this.scheduled.length) {
        this.gaps += 1;
        this.gapS += soon - this.nextAt;
      }
      this.nextAt = soon;
    }
    const source = new AudioBufferSourceNode(context, {buffer});
    source.connect(volume);
    source.addEventListener("ended", () => this.sources.delete(source));
    source.start(this.nextAt);
    this.sources.add(source);
    if (this.firstAudioMs === null) {
      const ahead = this.nextAt - context.currentTime + (context.outputLatency || 0);
      this.firstAudioMs = performance.now() - this.askedAt + 1000 * ahead;
      this.setState("speaking");
    }
    this.scheduled.push({at: this.nextAt, position: this.position, duration: buffer.duration});
    this.nextAt += buffer.duration;
    this.position += buffer.duration;
  }

  /* What has been heard, in seconds of the speech: not what has come, nor what is on its way to the loudspeaker. */
  heard() {
    if (this.stoppedAt !== null) return this.stoppedAt;
    const now = context.currentTime - (context.outputLatency || 0);
    while (this.scheduled.length > 1 && this.scheduled[1].at <= now) this.scheduled.shift();
    const piece = this.scheduled[0];
    return piece ? piece.position + Math.min(Math.max(0, now - piece.at), piece.duration) : 0;
  }

  learn(words) {
    for (const {word, start_s, end_s} of words) {
      const place = this.text.indexOf(word, this.cursor);
      if (place < 0) continue;
      this.cursor = place + word.length;
      const shown = this.words.find(each => each.start <= place && place < each.end);
      if (!shown) continue;
      shown.startS ??= start_s;
      shown.endS = end_s;
    }
  }

  /* Barge-in: silent at once here, and not another byte of it from the service. */
  stop() {
    if (this.over) return;
    this.silence();
    if (this.done || !this.socket) {
      this.setState("stopped");
      return;
    }
    this.setState("stopping");
    if (this.socket.readyState === WebSocket.OPEN) this.send({type: "cancel", request_id: this.id});
    else this.socket.close();
  }

  fail(message) {
    this.silence();
    this.setState("failed", message);
    this.socket?.close();
  }

  silence() {
    this.stoppedAt = this.heard();
    this.over = true;
    this.queue = [];
    for (const source of this.sources) source.stop();
    this.sources.clear();
  }

  finish() {
    this.over = true;
    this.stoppedAt = this.received / RATE;
    this.setState("finished");
  }

  setState(name, message) {
    this.onState(this, name, message);
  }
}
