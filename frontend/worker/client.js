// The engine for programs: starts the worker, turns its messages into promises and async iterators. `client.d.ts` has the types,
// docs/guide/engine.md the rest.

import { startWorker } from "./start.js";
import * as store from "./store.js";

/** An engine in a worker, of this tab or of another one of this site. */
export class Engine {
  #worker;
  #asking = new Map();
  #nextId = 1;

  /** @param {URL | string} url address of engine.js; `share: false` for an engine that no other tab uses */
  static async start(url = new URL("./engine.js", import.meta.url), { share = true } = {}) {
    const engine = new Engine();
    engine.#worker = startWorker(new URL(url, location.href), share ? "clicker" : "clicker-alone");
    engine.build = await new Promise((resolve, reject) => {
      engine.#worker.onerror = (event) => {
        event.preventDefault();
        const said = event.message?.replace(/^Uncaught (\w*Error: )?/, "");
        const error = new Error(said || `the engine's code could not be loaded from ${url}, or this browser's workers cannot load modules`);
        reject(error);
        engine.#end(error);
      };
      engine.#worker.onmessage = ({ data }) => {
        const reply = JSON.parse(data);
        if (reply.kind === "ready") resolve(reply.build);
        else engine.#receive(reply);
      };
    });
    return engine;
  }

  /** Load a GGUF by address or from bytes. */
  async load({ url, sha256 = "", bytes, name = url ?? "model", onProgress, signal }) {
    const source = bytes ? { from: "attached", name } : { from: "url", url: new URL(url, location.href).href, sha256 };
    const request = { kind: "load", slot: name, source };
    const { ms, cached, note } = await this.#ask(request, { onReply: (reply) => onProgress?.(reply), signal, bytes });
    return new Model(this, name, { ms, cached, note }, (...args) => this.#ask(...args));
  }

  /** The models that this browser keeps for this site, the last used first. */
  static kept() {
    return store.kept();
  }

  /** Take a kept model away. */
  static async forget(sha256) {
    if (!(await store.forget(sha256))) {
      throw new Error(`the model ${sha256.slice(0, 12)} is in use; unload it, or close the tab that uses it, and try again`);
    }
  }

  /** How fast a model runs in this browser: what is known of the device, and every run's figures. */
  static async probe({ url, sha256, bytes, promptTokens = 32, newTokens = 64, runs = 5, group = 8, onProgress, signal }) {
    const { card } = await import("./card.js");
    const engine = await Engine.start(undefined, { share: false });
    try {
      const model = await engine.load({ url, sha256, bytes, onProgress, signal });
      const spec = { prompt_tokens: promptTokens, new_tokens: newTokens, runs, group };
      const { report } = await engine.#ask({ kind: "bench", slot: model.name, spec }, { signal });
      return await card(report, model.name);
    } finally {
      engine.close();
    }
  }

  /** What the engine holds, and how fast it last was. */
  async report() {
    return (await this.#ask({ kind: "report" })).report;
  }

  /** Stop the worker; whatever is going on fails. */
  close() {
    this.#worker.terminate();
    this.#end(new Error("the engine was closed"));
  }

  #ask(request, { onReply, signal, bytes } = {}) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = this.#nextId++;
      const cancel = () => this.#worker.postMessage(JSON.stringify({ kind: "cancel", id }));
      signal?.addEventListener("abort", cancel, { once: true });
      const unloads = request.kind === "unload";
      this.#asking.set(id, { onReply, resolve, reject, unloads, done: () => signal?.removeEventListener("abort", cancel) });
      const { kind, slot, ...rest } = request;
      const message = JSON.stringify({ kind, id, slot, ...rest });
      if (bytes) this.#worker.postMessage([message, bytes], [bytes]);
      else this.#worker.postMessage(message);
    });
  }

  #receive(reply) {
    const asked = this.#asking.get(reply.id);
    if (!asked) return;
    if (reply.kind === "progress" || reply.kind === "stream") return asked.onReply?.(reply);
    // `done` to a cancel carries the id of what is cancelled, which still ends by itself; to an unload it is the end.
    if (reply.kind === "done" && !asked.unloads) return;
    this.#asking.delete(reply.id);
    asked.done();
    if (reply.kind !== "failed") asked.resolve(reply);
    else asked.reject(reply.cancelled ? new DOMException(reply.message, "AbortError") : new Error(reply.message));
  }

  #end(error) {
    for (const { reject } of this.#asking.values()) reject(error);
    this.#asking.clear();
  }
}

/** A loaded model. */
class Model {
  #ask;

  constructor(engine, name, loaded, ask) {
    Object.assign(this, { engine, name, ...loaded });
    this.#ask = ask;
  }

  /** Draw a group of answers: an async iterator of tokens, whose `result` resolves to the finished answers. */
  generate({ messages, group = 1, alternatives = 0, stop = [], logitBias = {}, signal, ...sampling }) {
    const request = {
      kind: "generate",
      slot: this.name,
      item: item(messages),
      group_size: group,
      alternatives,
      stop: [stop].flat(),
      logit_bias: Object.entries(logitBias).map(([id, by]) => [Number(id), by]),
      sampling: {
        temperature: sampling.temperature ?? 1,
        top_k: sampling.topK ?? 0,
        top_p: sampling.topP ?? 1,
        min_p: sampling.minP ?? 0,
        repetition_penalty: sampling.repetitionPenalty ?? 1,
        max_new_tokens: sampling.maxTokens ?? 128,
        seed: sampling.seed ?? 0,
      },
    };
    const queue = [];
    let wake = () => {};
    let ended = false;
    const onReply = ({ event }) => {
      if (event.kind === "token") queue.push({ sample: event.sample, ...event.token });
      wake();
    };
    const result = this.#ask(request, { onReply, signal })
      .then(({ rollouts, ms }) => ({ answers: rollouts.map(({ text, tokens, stop }) => ({ text, tokens, stop })), ms }))
      .finally(() => {
        ended = true;
        wake();
      });
    // Whoever only iterates sees the error there.
    result.catch(() => {});
    return {
      result,
      async *[Symbol.asyncIterator]() {
        for (;;) {
          while (queue.length) yield queue.shift();
          if (ended) break;
          await new Promise((resolve) => (wake = resolve));
        }
        await result;
      },
    };
  }

  /** How likely the model finds an answer: its tokens with their log-probabilities, and the whole's. */
  async score({ messages, text, alternatives = 0 }) {
    const request = { kind: "score", slot: this.name, item: item(messages), text, alternatives };
    const { tokens, logprob } = await this.#ask(request);
    return { tokens, logprob };
  }

  /** Ids of a text; special tokens written out in it are ordinary text. */
  async tokenize(text) {
    return (await this.#ask({ kind: "tokenize", slot: this.name, text })).ids;
  }

  /** Text of ids. */
  async detokenize(ids) {
    return (await this.#ask({ kind: "detokenize", slot: this.name, ids: Array.from(ids) })).text;
  }

  /** Let go of the weights. */
  async unload() {
    await this.#ask({ kind: "unload", slot: this.name });
  }
}

/** A question of which nothing is known. */
function item(messages) {
  return {
    id: "free",
    messages: typeof messages === "string" ? [{ role: "user", content: messages }] : messages,
    expected: "unknown",
    accepted: [],
    domain: "free",
    knowledge: "unknown",
    difficulty: 0.5,
    split: "eval",
  };
}
