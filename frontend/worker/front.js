// The page's side of the engine, wherever it runs: in this worker, or in that of another tab, which may be closed at any time. Remembers what
// is loaded and what is open, so that another engine can go on where the first was lost: a seed gives the same tokens again, and those
// that the page has are not sent twice. Never knows where the engine is.

import { isLast, opened } from "./desk.js";

const REPLY = /^\{"kind":"(\w+)"(?:,"id":(\d+))?/;
const TOKEN = /^\{"kind":"stream","id":\d+,"event":\{"kind":"token","sample":(\d+)/;
/** Ids of what the page did not ask for: above any that a page counts up to. */
const FIRST_OWN_ID = 2 ** 52;

export class Front {
  #tell;
  #line = null;
  #announced = false;
  /** Loads that succeeded or are open, by slot: their message, or none where the bytes are gone. */
  #loads = new Map();
  /** What was laid beside them, by slot: the messages that did it, by name. */
  #adapters = new Map();
  /** Requests without their last reply, by id: {data, kind, slot, got, skip, stopped, steered}. */
  #open = new Map();
  #nextId = FIRST_OWN_ID;

  /** @param {(json: string) => void} tell sends a message to the page */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Whether anything waits for an answer. */
  get waits() {
    return this.#open.size > 0;
  }

  /** A message of the page. */
  ask(data) {
    let asked;
    try {
      asked = opened(data);
    } catch (error) {
      return this.#fail(0, `the engine does not understand the message: ${error.message}`);
    }
    const { kind, id, slot, text, bytes } = asked;
    if (kind === "cancel") {
      const open = this.#open.get(id);
      if (open) open.stopped = true;
      if (!this.#line && open) this.#end(id, "stopped", true);
      return this.#line?.give(data);
    }
    if (kind === "load") this.#loads.set(slot, bytes ? null : text);
    if (kind === "unload") this.#loads.delete(slot);
    if (kind === "load" || kind === "unload") this.#adapters.set(slot, new Map());
    if (kind === "adapt") this.#adapters.get(slot)?.set(JSON.parse(text).adapter, data);
    if (kind === "drop_adapter") this.#adapters.get(slot)?.delete(JSON.parse(text).adapter);
    const steered = kind === "steer" && this.#open.get(JSON.parse(text).of);
    if (steered) steered.steered = true;
    this.#open.set(id, { data, kind, slot, got: new Map(), skip: new Map(), stopped: false, steered: false });
    this.#line?.give(data);
  }

  /** There is an engine now; where there was one before, it gets what that one had. */
  connect(line) {
    this.#line = line;
    const loading = new Set([...this.#open.values()].filter(({ kind }) => kind === "load").map(({ slot }) => slot));
    for (const [slot, text] of this.#loads) {
      if (loading.has(slot)) continue;
      if (!text) this.#loads.delete(slot);
      const messages = text ? [text, ...this.#adapters.get(slot).values()] : [];
      for (const message of messages) this.#again(line, message);
    }
    for (const [id, open] of [...this.#open]) {
      const { data, kind, slot } = open;
      if (open.stopped) this.#end(id, "stopped", true);
      else if (open.steered || kind === "steer") this.#end(id, "the tab that ran the engine was closed while this was steered; ask again");
      else if (slot !== undefined && kind !== "unload" && !this.#loads.has(slot)) {
        this.#end(id, `the tab that held \`${slot}\` was closed, and its bytes with it; load it again`);
      } else {
        open.skip = new Map(open.got);
        line.give(data);
      }
    }
  }

  /** The engine is gone; what is asked meanwhile waits for the next. */
  lost() {
    this.#line = null;
  }

  /** A message of the engine. */
  answer(json) {
    const [, kind, number] = REPLY.exec(json) ?? [];
    if (kind === "ready") {
      if (!this.#announced) this.#tell(json);
      this.#announced = true;
      return;
    }
    const id = Number(number);
    if (id >= FIRST_OWN_ID) return;
    const open = this.#open.get(id);
    const sample = TOKEN.exec(json)?.[1];
    if (open && sample !== undefined) {
      const skip = open.skip.get(sample) ?? 0;
      if (skip) return void open.skip.set(sample, skip - 1);
      open.got.set(sample, (open.got.get(sample) ?? 0) + 1);
    }
    if (open && isLast(kind, open.kind)) {
      this.#open.delete(id);
      if (kind === "failed" && open.kind === "load") this.#loads.delete(open.slot);
    }
    this.#tell(json);
  }

  /** What the page has asked before, under an id of our own. */
  #again(line, message) {
    const { text, bytes } = opened(message);
    const again = text.replace(/"id":\d+/, `"id":${this.#nextId++}`);
    line.give(bytes ? [again, bytes] : again);
  }

  #end(id, message, cancelled = false) {
    const { kind, slot } = this.#open.get(id);
    this.#open.delete(id);
    if (kind === "load") this.#loads.delete(slot);
    this.#fail(id, message, cancelled);
  }

  #fail(id, message, cancelled = false) {
    this.#tell(JSON.stringify({ kind: "failed", id, message, cancelled }));
  }
}
