// Starts the engine inside a module worker. The web APIs that are shorter in JavaScript than through bindings are
// handed to it as globals: opening weights, and yielding so that a stop message can land between two tokens.
import { Desk } from "./desk.js";
import { Front } from "./front.js";
import { inLines, lines } from "./lines.js";
import { Pool } from "./pool.js";
import { own, share } from "./share.js";
import { startWorker } from "./start.js";
import { openWeights } from "./weights.js";

/** Filled in by the build: the hash of all that the tabs would have to agree on. */
const BUILD = "@build@";
/** "yes" if this site has the engine with threads. */
const THREADS = "@threads@";
const asked = new URL(import.meta.url).searchParams;
/** `engine.js?threads=`: 0 or 1 for none, a number; what suits where nothing is asked. */
const ASKED = asked.get("threads");
const HELPER = "clicker-helper";
const ALONE = "clicker-alone";
/** An empty function over a 128-bit vector: valid only where the browser knows the instructions that the engine is made of. */
const VECTORS = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

/** A product of bytes whose sums are relaxed: valid only where the browser knows such instructions. `engine.js?relaxed=0` does without. */
const RELAXED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 0, 253, 15, 65, 0, 253, 15, 253, 146, 2, 11,
);
/** Whether the build for such browsers is used. */
const relaxed = () => asked.get("relaxed") !== "0" && WebAssembly.validate(RELAXED);

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
/** What happens where this worker's engine stops. */
let broken = () => {};
/** Why threads are not tried again, once their engine stopped. */
let stopped = "";
self.clickerOpen = async (url, sha256, progress, signal) => {
  const opening = openWeights(url, sha256, progress, signal, chosen.Sha256, (said) => desk?.tell(desk.loading(url, sha256), said));
  const [weights] = await Promise.all([opening, sha256 && chosen.recall?.(sha256)]);
  return weights;
};

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
      return await threaded(Number(ASKED), BUILD);
    } catch (error) {
      why = error.message;
    }
  }
  return { ...((relaxed() && (await built("worker-relaxed").catch(() => null))) || (await built("worker"))), why };
}

/** A build of the engine; an error where the machine does not compute what every other does. */
async function built(name) {
  const engine = await import(`./${name}.js`);
  await engine.default({ module_or_path: new URL(`./${name}_bg.wasm`, import.meta.url) });
  if (!engine.is_exact()) throw new Error("the instructions that this build is made of compute something else here");
  return engine;
}

/** Why threads are not even tried, if so. */
function single() {
  if (stopped) return stopped;
  if (self.name === HELPER || ASKED === "0" || ASKED === "1") return "as asked";
  if (!THREADS) return "built without threads";
  if (!relaxed()) return "the browser lacks relaxed SIMD";
  return self.crossOriginIsolated ? "" : "the page is not cross-origin isolated";
}

/** The engine in this worker, with a pool between it and those who ask; helpers are this same file. */
async function lead() {
  const page = self.onmessage;
  const { start, why, end } = (chosen = await choose());
  const ask = (data) => listener(new MessageEvent("message", { data }));
  const graphics = async (...asked) => (await import("./graphics.js")).switched(chosen, ...asked);
  // Who asked for a number of threads gets these, and nothing beside them.
  const another = (why || !Number(ASKED)) && (() => startWorker(import.meta.url, HELPER));
  const pool = new Pool(ask, (json) => desk.answer(json), another, graphics, chosen);
  desk = new Desk(pool);
  const told = (json) => (why ? json.replace(BUILT, (all) => `${all} (${JSON.stringify(why).slice(1, -1)})`) : json);
  self.postMessage = (text) => lines(text).forEach((json) => pool.answer(told(json)));
  start();
  const listener = self.onmessage;
  self.onmessage = page;
  const here = desk;
  broken = (said) => {
    broken = () => {};
    pool.end();
    end?.();
    // With one thread it may do.
    if (!why) stopped = `the engine with several stopped: ${said}`;
    here.broken(`the engine stopped (${said}), for lack of memory perhaps; reload the page`, !why);
  };
  return here;
}

if (self.name === HELPER) {
  chosen = await choose();
  self.postMessage = inLines(self.postMessage.bind(self));
  chosen.start();
} else {
  const tell = inLines(self.postMessage.bind(self));
  const front = new Front(tell);
  self.onmessage = ({ data }) => front.ask(data);
  self.addEventListener("error", ({ message }) => broken(message));
  self.addEventListener("unhandledrejection", ({ reason }) => reason instanceof WebAssembly.RuntimeError && broken(reason.message));
  if (self.name === ALONE) {
    await own(front, lead);
  } else {
    const elsewhere = (json) => json.replace(/"}$/, ', in another tab"}');
    await share(`clicker-engine:${BUILD}:${import.meta.url}`, front, lead, elsewhere);
  }
}
