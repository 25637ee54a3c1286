// The engine on several threads: workers that share one memory, each with a stack and variables of its own. Loaded only where the page may
// share memory and the site has that build. Members wait inside WebAssembly for work and never come back to their messages: they end
// with the worker that started them. Knows no models.

import { startWorker } from "./start.js";
import { folder, probeOf, writeFile } from "./store.js";
import * as engine from "./worker-threads.js";

const MEMBER = "clicker-thread";
/** Bytes of a member's stack; the leader has the one that it was linked with. */
const STACK = 1 << 20;
/** Longest wait for all members. */
const PATIENCE_MS = 10_000;
/** Most threads unless more are asked for: products of small models gain little beyond. */
const USUAL_MOST = 4;
/** As many as `crates/kernels` has room for. */
const MOST = 16;
/** Longest time that a probe is believed: what else the device does may have changed. */
const BELIEVED_MS = 7 * 24 * 3600 * 1000;
/** Threads do well where they gain this share of what as many workers could: groups are then left to them, else shared among workers. */
const WELL = 0.8;

/** Threads for a device with so many cores, of which two often share what computes. */
const usual = (cores) => Math.min(USUAL_MOST, Math.max(2, cores >> 1));

/**
 * The engine's functions, with all members there. An error says why not.
 * @param {number} asked threads in all; 0 for what suits the device
 * @param {string} build what probes hold for
 */
export async function threaded(asked, build) {
  if (!Atomics.waitAsync) throw new Error("this browser lacks Atomics.waitAsync");
  if (!asked && navigator.hardwareConcurrency === 1) throw new Error("there is one core");
  const threads = Math.min(asked || usual(navigator.hardwareConcurrency ?? 1), MOST);
  const module = await WebAssembly.compileStreaming(fetch(new URL("./worker-threads_bg.wasm", import.meta.url)));
  // An error where so much address space is not to be had.
  engine.initSync({ module });
  if (!engine.is_exact()) throw new Error("relaxed SIMD computes something else here");
  const workers = Array.from({ length: threads - 1 }, () => startWorker(import.meta.url, MEMBER));
  try {
    await within(gathered(workers, { module, memory: engine.shared_memory() }));
  } catch (error) {
    for (const worker of workers) worker.terminate();
    throw error;
  }
  engine.probe_threads(!asked);
  const end = () => workers.forEach((worker) => worker.terminate());
  return { ...engine, threads, end, ...probes(threads, [build, threads, navigator.hardwareConcurrency, navigator.userAgent].join()) };
}

/** What probes showed, kept beside the models for later engines under the same conditions. */
function probes(threads, conditions) {
  const known = new Set();
  return {
    /** Before a load: what is known of this file. Broken, old or missing: it is probed. */
    async recall(sha256) {
      try {
        const file = await (await (await folder()).getFileHandle(probeOf(sha256))).getFile();
        const { gain, at, ...of } = JSON.parse(await file.text());
        const age = Date.now() - at;
        if (of.conditions !== conditions || !(gain > 1) || !(age >= 0 && age < BELIEVED_MS)) return;
        known.add(sha256);
        engine.recall_probe(sha256, gain);
      } catch {
        known.delete(sha256);
      }
    },
    /** Behind it: threads that did not gain may have met other work, and are probed again next time. */
    async remember(sha256) {
      const gain = engine.gained();
      if (known.delete(sha256) || !(gain > 1)) return;
      const record = new TextEncoder().encode(JSON.stringify({ conditions, gain, at: Date.now() }));
      await writeFile(await folder(), probeOf(sha256), record);
    },
    /** Whether groups of the model that was loaded last are left to the threads. */
    does: () => engine.gained() >= WELL * threads,
    rest: engine.rest_threads,
  };
}

/** All have come up, and then have joined. */
async function gathered(workers, shared) {
  await Promise.all(workers.map((worker) => there(worker, shared)));
  while (engine.joined() <= workers.length) await new Promise((resolve) => setTimeout(resolve, 1));
}

function there(worker, shared) {
  return new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`a thread did not start: ${event.message || "its code could not be loaded"}`));
    };
    worker.postMessage(shared);
  });
}

function within(promise) {
  const late = () => new Error(`the threads were not there after ${PATIENCE_MS / 1000} s`);
  return Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(late()), PATIENCE_MS))]);
}

if (self.name === MEMBER) {
  self.onmessage = ({ data: { module, memory } }) => {
    engine.initSync({ module, memory, thread_stack_size: STACK });
    self.postMessage("there");
    try {
      engine.join();
    } catch (error) {
      // The leader may be waiting for it.
      engine.failed();
      throw error;
    }
  };
}
