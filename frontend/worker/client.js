// The engine for programs: starts the worker, turns its messages into promises and async iterators. `client.d.ts` has the types,
// docs/guide/engine.md the rest.

/** An engine in a worker of its own. */
export class Engine {
  #worker;
  #asking = new Map();
  #nextId = 1;

  /** @param {URL | string} url address of engine.js */
  static async start(url = new URL("./engine.js", import.meta.url)) {
    const engine = new Engine();
    engine.#worker = new Worker(url, { type: "module" });
    engine.build = await new Promise((resolve, reject) => {
      engine.#worker.onerror = (event) => {
        const error = new Error(event.message || `the engine's code could not be loaded from ${url}`);
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
    const { ms, cached } = await this.#ask(request, { onReply: (reply) => onProgress?.(reply), signal, bytes });
    return new Model(this, name, { ms, cached }, (...args) => this.#ask(...args));
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
      const message = JSON.stringify({ ...request, id });
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
