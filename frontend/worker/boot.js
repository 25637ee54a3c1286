// Starts the engine inside a module worker. The web APIs that are shorter in JavaScript than through bindings are
// handed to it as globals: opening weights, and yielding so that a stop message can land between two tokens.
import init, { Sha256, start } from "./worker.js";
import { Pool } from "./pool.js";
import { openWeights } from "./weights.js";

const HELPER = "clicker-helper";
const { port1, port2 } = new MessageChannel();
const waiting = [];
port1.onmessage = () => waiting.shift()?.();

// setTimeout is clamped to 4 ms when nested; a message to oneself is not.
self.clickerYield = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(0);
  });
self.clickerOpen = (url, sha256, progress, signal) => openWeights(url, sha256, progress, signal, Sha256);

await init({ module_or_path: new URL("./worker_bg.wasm", import.meta.url) });
if (self.name === HELPER) {
  start();
} else {
  // The pool stands between the page and the engine; helpers are this same file.
  const tell = self.postMessage.bind(self);
  const own = (data) => engine(new MessageEvent("message", { data }));
  const pool = new Pool(own, tell, () => new Worker(import.meta.url, { type: "module", name: HELPER }));
  self.postMessage = (json) => pool.answer(json);
  start();
  const engine = self.onmessage;
  self.onmessage = ({ data }) => pool.ask(data);
}
