// Stands before the engine for everybody who uses it: this tab's page and the tabs that share it. Gives requests ids and models names of
// their own on the engine's side and turns them back in the replies; a file that somebody has loaded is loaded for all. Never
// knows how a message travels, nor what is in it behind its head: seeds have more digits than a JavaScript number.

import { digest } from "./hash.js";
import { hold } from "./store.js";

/** {"kind":"generate","id":3,"slot":"a",... */
export const HEAD = /^\{"kind":"(\w+)","id":(\d+)(?:,"slot":("(?:[^"\\]|\\.)*"))?/;
const REPLY = /^\{"kind":"(\w+)"(?:,"id":(\d+))?/;
/** Whether a reply is the last to this kind of request: `done` to anything else belongs to a cancel, and what is cancelled ends by itself. */
export const isLast = (reply, request) => (reply === "done" ? ["unload", "drop_adapter", "steer"].includes(request) : !["progress", "stream"].includes(reply));
/** The slot of the model that judges, at the end of a request that has one. */
const JUDGE = /,"judge":("(?:[^"\\]|\\.)*")\}$/;
/** Requests that name adapters. */
const ADAPTED = new Set(["adapt", "drop_adapter", "draw", "steer", "embed"]);

/** The hash by which a load's file is known; "" if it has none. */
export const hashOf = (source) => source.sha256 || source.manifest?.files.find(({ kind }) => kind === "browser")?.sha256 || "";

/** A message as text whose head is {kind, id, slot}, and the bytes that came with it. */
export function opened(data) {
  const [text, bytes] = Array.isArray(data) ? data : [data];
  const head = HEAD.exec(text);
  if (head) return { text, bytes, kind: head[1], id: Number(head[2]), slot: head[3] && JSON.parse(head[3]), rest: text.slice(head[0].length) };
  const { kind, id, slot, ...rest } = JSON.parse(text);
  if (!/^\w+$/.test(kind) || !Number.isSafeInteger(id) || id < 0) throw new Error("a message needs a kind and a whole number as its id");
  return opened([JSON.stringify(slot === undefined ? { kind, id, ...rest } : { kind, id, slot, ...rest }), bytes]);
}

const written = (kind, id, slot, rest) => `{"kind":"${kind}","id":${id}${slot === undefined ? "" : `,"slot":${JSON.stringify(slot)}`}${rest}`;
const failure = (id, message, cancelled = false) => JSON.stringify({ kind: "failed", id, message, cancelled });
const unknown = (id, slot) => failure(id, `no model is loaded as \`${slot}\`; load one first`);

/** One behind the other for all desks: an engine that stopped may still say something. */
let nextId = 1;

export class Desk {
  #pool;
  #ready = null;
  #clients = new Set();
  #opened = 0;
  /** Requests that the engine has, by its id: {client, id, kind, model}. */
  #asked = new Map();
  /** Why the engine cannot go on, once it cannot. */
  #over = "";
  /** Models by the engine's name for them. */
  #models = new Map();

  /** @param {{ask(data: unknown): void, unkept(id: number): void}} pool takes messages; its replies go to `answer` */
  constructor(pool) {
    this.#pool = pool;
  }

  /** Somebody who asks, and where the answers go. */
  open(tell) {
    // Adapters have names within a model: those of a second tab are not those of the first.
    const tag = this.#opened++ ? `, tab ${this.#opened}` : "";
    const client = { tell, tag, slots: new Map(), open: new Map(), adapters: [] };
    this.#clients.add(client);
    if (this.#ready) tell(this.#ready);
    return { give: (data) => this.#give(client, data), close: () => this.#close(client) };
  }

  /** The engine cannot go on: whatever is open fails, and whatever comes, unless another will be started. `onbroken` is told. */
  broken(message, again = false) {
    this.#over = message;
    for (const client of this.#clients) {
      if (again) client.tell = () => {};
      for (const id of client.open.keys()) client.tell(failure(id, message));
      client.open.clear();
    }
    this.#asked.clear();
    this.onbroken?.(again);
  }

  /** What is known of a file while it is fetched. */
  tell(id, said) {
    const model = this.#asked.get(id)?.model;
    if (!model) return;
    Object.assign(model, said);
    if (said.space?.kept === false) this.#pool.unkept(id);
  }

  /** A load that is going on from this address. */
  loading(url, sha256) {
    for (const model of this.#models.values()) if (!model.ready && (sha256 ? model.sha256 === sha256 : model.url === url)) return model.id;
    return 0;
  }

  #give(client, data) {
    const asked = opened(data);
    const { kind, id, slot } = asked;
    if (this.#over) return client.tell(failure(id, this.#over));
    if (kind === "load") return this.#load(client, asked);
    if (kind === "unload") return this.#unload(client, asked);
    if (kind === "cancel") return this.#cancel(client, id);
    if (slot === undefined) return this.#ask(client, this.#named(client, asked));
    const model = client.slots.get(slot);
    if (!model) return client.tell(unknown(id, slot));
    if (model.ready) return this.#ask(client, this.#named(client, asked), model);
    // As it came: it is given again, and named then.
    model.queue.push({ client, asked });
    client.open.set(id, 0);
  }

  /** With the engine's names for the model that judges, for adapters and for the draw that is steered. */
  #named(client, asked) {
    const { kind, id, slot, text, bytes } = asked;
    if (kind === "judge" || kind === "preview") {
      const own = (all, slot) => (client.slots.has(JSON.parse(slot)) ? `,"judge":${JSON.stringify(client.slots.get(JSON.parse(slot)).name)}}` : all);
      return { ...asked, rest: asked.rest.replace(JUDGE, own) };
    }
    if (!ADAPTED.has(kind) || (!client.tag && kind !== "steer")) return asked;
    const request = JSON.parse(text);
    if (kind === "steer") request.of = client.open.get(request.of) || 0;
    const named = [kind === "adapt" || kind === "drop_adapter" ? request : request.with, ...(request.adapters ?? [])];
    for (const one of named) if (one?.adapter) one.adapter += client.tag;
    if (kind === "adapt") client.adapters.push({ slot, adapter: request.adapter });
    return opened([JSON.stringify({ ...request, kind, id, slot }), bytes]);
  }

  #ask(client, { kind, id, rest, bytes }, model) {
    const own = nextId++;
    this.#asked.set(own, { client, id, kind, model });
    client.open.set(id, own);
    const text = written(kind, own, model?.name, rest);
    this.#pool.ask(bytes ? [text, bytes] : text);
    return own;
  }

  #load(client, asked) {
    const { id, slot, text } = asked;
    const { source } = JSON.parse(text);
    const sha256 = hashOf(source);
    const before = client.slots.get(slot);
    const same = sha256 && [...this.#models.values()].find((model) => model.sha256 === sha256);
    const model = same || { name: this.#name(slot), sha256, url: source.url, users: 0, waiting: [], queue: [], ready: false };
    model.users++;
    client.slots.set(slot, model);
    if (before) this.#drop(before);
    if (model.ready) return client.tell(JSON.stringify({ kind: "loaded", id, slot, ms: 0, cached: true }));
    model.waiting.push({ client, id, slot });
    client.open.set(id, 0);
    if (same) return;
    this.#models.set(model.name, model);
    // Nobody may take away what lies ready for the helpers and for the next visit.
    model.release = sha256 ? hold(sha256) : () => {};
    if (asked.bytes && crypto.subtle) model.hashing = digest(asked.bytes).then((hash) => (model.sha256 ||= hash));
    model.id = this.#ask(client, asked, model);
  }

  /** The engine's name for a model: the one it was given, unless another has it. */
  #name(slot) {
    let name = slot;
    for (let i = 2; this.#models.has(name); i++) name = `${slot} (${i})`;
    return name;
  }

  /** One user fewer; whether it was the last. */
  #drop(model, quietly = false) {
    if (--model.users > 0 || this.#models.get(model.name) !== model) return false;
    this.#models.delete(model.name);
    model.release();
    if (!model.ready) this.#pool.ask(written("cancel", model.id, undefined, "}"));
    if (!quietly) this.#pool.ask(written("unload", nextId++, model.name, "}"));
    return true;
  }

  #unload(client, asked) {
    const model = client.slots.get(asked.slot);
    client.slots.delete(asked.slot);
    if (model && this.#drop(model, true)) return this.#ask(client, asked, model);
    client.tell(written("done", asked.id, undefined, "}"));
  }

  #cancel(client, id) {
    const own = client.open.get(id);
    const done = written("done", id, undefined, "}");
    if (own === undefined) return client.tell(done);
    const stopped = () => {
      client.open.delete(id);
      client.tell(failure(id, "stopped", true));
      client.tell(done);
    };
    for (const model of this.#models.values()) {
      const waits = model.waiting.find((one) => one.client === client && one.id === id);
      if (waits && model.waiting.length > 1) {
        model.waiting = model.waiting.filter((one) => one !== waits);
        client.slots.delete(waits.slot);
        model.users--;
        return stopped();
      }
      if (waits) return this.#pool.ask(written("cancel", model.id, undefined, "}"));
      const queued = model.queue.find((one) => one.client === client && one.asked.id === id);
      if (!queued) continue;
      model.queue = model.queue.filter((one) => one !== queued);
      return stopped();
    }
    this.#pool.ask(written("cancel", own, undefined, "}"));
  }

  #close(client) {
    this.#clients.delete(client);
    client.tell = () => {};
    if (this.#over) return;
    for (const id of [...client.open.keys()]) this.#cancel(client, id);
    for (const { slot, adapter } of client.adapters) {
      const model = client.slots.get(slot);
      if (model) this.#pool.ask(written("drop_adapter", nextId++, model.name, `,"adapter":${JSON.stringify(adapter)}}`));
    }
    for (const model of client.slots.values()) this.#drop(model);
    client.slots.clear();
  }

  /** A message of the engine. */
  answer(json) {
    const [head, kind, own] = REPLY.exec(json) ?? [];
    if (kind === "ready") {
      this.#ready = json;
      for (const { tell } of this.#clients) tell(json);
      return;
    }
    const asked = this.#asked.get(Number(own));
    // What has no id was not understood; there is only one who could have sent it.
    if (!asked) return Number(own) ? undefined : this.#clients.values().next().value?.tell(json);
    const { client, id, model } = asked;
    const last = isLast(kind, asked.kind);
    if (last) this.#asked.delete(Number(own));
    if (asked.kind === "load") return this.#loadAnswer(model, kind, head, json);
    if (last) client.open.delete(id);
    let text = `{"kind":"${kind}","id":${id}${json.slice(head.length)}`;
    // The engine's names for adapters are nobody else's business.
    if (kind === "failed" && client.tag) text = text.replaceAll(client.tag, "");
    if (kind === "reported") text = this.#reported(client, JSON.parse(text));
    if (kind === "benched") this.#benched(client, JSON.parse(text), model);
    else client.tell(text);
  }

  async #benched(client, benched, model) {
    await model.hashing;
    benched.report.sha256 = model.sha256 || null;
    client.tell(JSON.stringify(benched));
  }

  #loadAnswer(model, kind, head, json) {
    if (kind === "done") return;
    const { id: _, slot: __, kind: ___, ...rest } = JSON.parse(json);
    const { space } = model;
    if (kind === "progress") {
      for (const { client, id } of model.waiting) client.tell(JSON.stringify({ kind, id, ...rest, note: space?.note, space }));
      return;
    }
    const { waiting, queue } = model;
    Object.assign(model, { ready: kind === "loaded", waiting: [], queue: [] });
    if (kind === "failed" && this.#models.get(model.name) === model) {
      this.#models.delete(model.name);
      model.release();
    }
    for (const { client, id, slot } of waiting) {
      client.open.delete(id);
      if (kind === "failed" && client.slots.get(slot) === model) client.slots.delete(slot);
      const note = space?.kept === false ? space.note : undefined;
      client.tell(JSON.stringify(kind === "failed" ? { kind, id, ...rest } : { kind, id, slot, ...rest, note }));
    }
    for (const { client, asked } of queue) {
      client.open.delete(asked.id);
      this.#give(client, asked.bytes ? [asked.text, asked.bytes] : asked.text);
    }
  }

  /** The models that this one asked for, under the names that it gave them. */
  #reported(client, reply) {
    const bytes = new Map(reply.report.models);
    reply.report.models = [...client.slots].filter(([, { name }]) => bytes.has(name)).map(([slot, { name }]) => [slot, bytes.get(name)]);
    reply.report.tabs = this.#clients.size;
    return JSON.stringify(reply);
  }
}
