// Starts the engine inside a module worker. The web APIs that are shorter in JavaScript than through bindings are
// handed to it as globals: opening weights, and yielding so that a stop message can land between two tokens.
import { Desk } from "./desk.js";
import { Front } from "./front.js";
import { inLines } from "./lines.js";
import { Pool } from "./pool.js";
import { share } from "./share.js";
import { startWorker } from "./start.js";
import { openWeights } from "./weights.js";
import * as plain from "./worker.js";

/** Filled in by the build: the hash of all that the tabs would have to agree on. */
const BUILD = "@build@";
/** "yes" if this site has the engine with threads. */
const THREADS = "@threads@";
/** `engine.js?threads=`: 0 or 1 for none, a number; what suits where nothing is asked. */
const ASKED = new URL(import.meta.url).searchParams.get("threads");
const HELPER = "clicker-helper";
const ALONE = "clicker-alone";
/** An empty function over a 128-bit vector: valid only where the browser knows the instructions that the engine is made of. */
const VECTORS = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

const { port1, port2 } = new MessageChannel();
const waiting = [];
port1.onmessage = () => waiting.shift()?.();

// setTimeout is clamped to 4 ms when nested; a message to oneself is not.
self.clickerYield = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(0);
  });

let chosen, desk;
self.clickerOpen = (url, sha256, progress, signal) =>
  openWeights(url, sha256, progress, signal, chosen.Sha256, (said) => desk?.tell(desk.loading(url, sha256), said));

/** A build that computes on one thread, in what is said of it. */
const BUILT = /^\{"kind":"(?:ready|benched|reported)".*?one thread/;

/** The engine's functions; `why` it has one thread, if it has. */
async function choose() {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(VECTORS)) {
    throw new Error("this browser cannot run the engine: it lacks WebAssembly with SIMD; use Chrome or Edge 91, Firefox 89, Safari 16.4 or newer");
  }
  let why = single();
  if (!why) {
    try {
      const { threaded } = await import("./threads.js");
      return await threaded(Number(ASKED));
    } catch (error) {
      why = error.message;
    }
  }
  await plain.default({ module_or_path: new URL("./worker_bg.wasm", import.meta.url) });
  return { ...plain, why };
}

/** Why threads are not even tried, if so. */
function single() {
  if (self.name === HELPER || ASKED === "0" || ASKED === "1") return "as asked";
  if (!THREADS) return "built without threads";
  return self.crossOriginIsolated ? "" : "the page is not cross-origin isolated";
}

/** The engine in this worker, with a pool between it and those who ask; helpers are this same file. */
async function lead() {
  const page = self.onmessage;
  const { start, why } = (chosen = await choose());
  const own = (data) => listener(new MessageEvent("message", { data }));
  const graphics = async (...asked) => (await import("./graphics.js")).switched(chosen, ...asked);
  const pool = new Pool(own, (json) => desk.answer(json), why && (() => startWorker(import.meta.url, HELPER)), graphics);
  desk = new Desk(pool);
  self.postMessage = (json) => pool.answer(why ? json.replace(BUILT, (all) => `${all} (${JSON.stringify(why).slice(1, -1)})`) : json);
  start();
  const listener = self.onmessage;
  self.onmessage = page;
  const broken = (why) => desk.broken(`the engine stopped (${why}), for lack of memory perhaps; reload the page`);
  self.addEventListener("error", ({ message }) => broken(message));
  self.addEventListener("unhandledrejection", ({ reason }) => reason instanceof WebAssembly.RuntimeError && broken(reason.message));
  return desk;
}

if (self.name === HELPER) {
  chosen = await choose();
  self.postMessage = inLines(self.postMessage.bind(self));
  chosen.start();
} else {
  const tell = inLines(self.postMessage.bind(self));
  const front = new Front(tell);
  self.onmessage = ({ data }) => front.ask(data);
  if (self.name === ALONE) {
    const alone = await lead();
    front.connect(alone.open((json) => front.answer(json)));
  } else {
    const elsewhere = (json) => json.replace(/"}$/, ', in another tab"}');
    await share(`clicker-engine:${BUILD}:${import.meta.url}`, front, lead, elsewhere);
  }
}
