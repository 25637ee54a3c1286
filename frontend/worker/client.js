// The engine for programs: starts the worker, turns its messages into promises and async iterators. `client.d.ts` has the types,
// docs/guide/engine.md the rest.

import { lines } from "./lines.js";
import { startWorker } from "./start.js";
import * as store from "./store.js";

/** Requests without a result of their own. */
const ENDS_WITH_DONE = ["unload", "drop_adapter", "steer"];

/** An engine in a worker, of this tab or of another one of this site. */
export class Engine {
  #worker;
  #asking = new Map();
  #nextId = 1;

  /** @param {URL | string} url address of engine.js; `share: false` for an engine that no other tab uses; `threads` false, or how many; `relaxed` false */
  static async start(url = new URL("./engine.js", import.meta.url), { share = true, threads = true, relaxed = true } = {}) {
    const engine = new Engine();
    const address = new URL(url, location.href);
    if (threads !== true) address.searchParams.set("threads", Number(threads));
    if (!relaxed) address.searchParams.set("relaxed", 0);
    engine.#worker = startWorker(address, share ? "clicker" : "clicker-alone");
    engine.build = await new Promise((resolve, reject) => {
      engine.#worker.onerror = (event) => {
        event.preventDefault();
        const said = event.message?.replace(/^Uncaught (\w*Error: )?/, "");
        const error = new Error(said || `the engine's code could not be loaded from ${url}, or this browser's workers cannot load modules`);
        reject(error);
        engine.#end(error);
      };
      engine.#worker.onmessage = ({ data }) => {
        for (const json of lines(data)) {
          const reply = JSON.parse(json);
          if (reply.kind === "ready") resolve(reply.build);
          else engine.#receive(reply);
        }
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
  static async probe({ url, sha256, bytes, promptTokens = 32, newTokens = 64, runs = 5, group = 8, threads, relaxed, graphics = false, onProgress, signal }) {
    const { card } = await import("./card.js");
    const engine = await Engine.start(undefined, { share: false, threads, relaxed });
    try {
      const model = await engine.load({ url, sha256, bytes, onProgress, signal });
      const said = graphics ? { note: await model.useGpu() } : {};
      const spec = { prompt_tokens: promptTokens, new_tokens: newTokens, runs, group };
      const { report } = await engine.#ask({ kind: "bench", slot: model.name, spec }, { signal });
      return { ...(await card(report, model.name)), ...said };
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

  #ask(request, { onReply, onId, signal, bytes } = {}) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const id = this.#nextId++;
      onId?.(id);
      const cancel = () => this.#worker.postMessage(JSON.stringify({ kind: "cancel", id }));
      signal?.addEventListener("abort", cancel, { once: true });
      const lasts = !ENDS_WITH_DONE.includes(request.kind);
      this.#asking.set(id, { onReply, resolve, reject, lasts, done: () => signal?.removeEventListener("abort", cancel) });
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
    // `done` to a cancel carries the id of what is cancelled, which still ends by itself.
    if (reply.kind === "done" && asked.lasts) return;
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
  generate({ messages, group = 1, alternatives = 0, stop = [], logitBias = {}, adapter, scale, adapters, regex, schema, signal, ...sampling }) {
    const scales = (adapters ?? (adapter ? [{ adapter, scale }] : [])).map(scaled);
    const text = (schema) => (typeof schema === "string" ? schema : JSON.stringify(schema));
    const within = regex !== undefined ? { regex: regex.source ?? regex } : schema !== undefined ? { schema: text(schema) } : undefined;
    const request = {
      // A plain group may be shared among workers, what else there is may not.
      kind: scales.length || within ? "draw" : "generate",
      ...((scales.length || within) && { adapters: scales, within }),
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
    let id;
    const result = this.#ask(request, { onReply, onId: (own) => (id = own), signal })
      .then(({ rollouts, ms, computed }) => ({ answers: rollouts.map(({ text, tokens, stop }) => ({ text, tokens, stop })), ms, computed }))
      .finally(() => {
        ended = true;
        wake();
      });
    // Whoever only iterates sees the error there.
    result.catch(() => {});
    return {
      result,
      /** From the next token on, a sample (or all) computes with this adapter at this scale. */
      steer: async ({ sample, ...how } = {}) => {
        await this.#ask({ kind: "steer", of: id, sample, with: scaled(how) });
      },
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

  /** Lay an adapter beside the weights: a GGUF file or a PEFT folder by address, or their bytes. */
  async adapter({ url, config, bytes, name = url ?? "adapter", signal }) {
    if (!bytes) {
      const base = new URL(url, location.href);
      const folder = base.pathname.endsWith("/");
      const get = async (file) => {
        const response = await fetch(file, { signal });
        if (!response.ok) throw new Error(`${file} answered ${response.status} ${response.statusText}`);
        return response;
      };
      if (folder) config = await (await get(new URL("adapter_config.json", base))).text();
      bytes = await (await get(folder ? new URL("adapter_model.safetensors", base) : base)).arrayBuffer();
    }
    if (config && typeof config !== "string") config = JSON.stringify(config);
    const { bytes: size, ms } = await this.#ask({ kind: "adapt", slot: this.name, adapter: name, config }, { signal, bytes });
    const drop = async () => {
      await this.#ask({ kind: "drop_adapter", slot: this.name, adapter: name });
    };
    return { name, bytes: size, ms, drop };
  }

  /** Texts as directions of length 1. */
  async embed(texts, how) {
    const { embeddings } = await this.#ask({ kind: "embed", slot: this.name, texts: [texts].flat(), with: scaled(how) });
    return embeddings.map((embedding) => Float32Array.from(embedding));
  }

  /** Let the graphics card compute what is generated, if it computes what the processor does; resolves to a sentence about it. */
  async useGpu() {
    return (await this.#ask({ kind: "device", slot: this.name, card: true })).note;
  }

  /** Let the processor do it again. */
  async useCpu() {
    await this.#ask({ kind: "device", slot: this.name, card: false });
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

/** An adapter by name, object or not at all, and how much of it, as the engine takes it. */
function scaled(how) {
  const { adapter, scale = 1 } = typeof how === "string" || how?.drop ? { adapter: how } : (how ?? {});
  return { adapter: adapter?.name ?? adapter ?? "", scale };
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
