// Shares a group's samples among workers. The worker that the page talks to keeps helpers: workers of the same kind with the same weights,
// started when the first group is asked for and used as soon as they are ready. Every row of a group is computed by itself, so who
// computes it changes no bit of it. What is no group passes through. Needs no shared memory and no cross-origin isolation.
// Messages go on as the texts they are: a seed has more digits than a JavaScript number.

import { hashOf } from "./desk.js";
import { lines } from "./lines.js";

/** Most workers for one group, the page's own included. */
const MOST_WORKERS = 4;
/** Fewest samples that are worth a worker. */
const FEWEST_SAMPLES = 2;
/** Most bytes of weights in all workers together, on a device of so many gigabytes. */
const mostBytes = (gigabytes) => (gigabytes > 4 ? 768 : 128) << 20;

const REQUEST = /^\{"kind":"(load|unload|generate|cancel|bench|report|device)"/;
const REPLY = /^\{"kind":"(progress|loaded|benched|reported|failed)"/;
const STREAM = '{"kind":"stream"';
/** Answers have every token in them: of these, no more than this is read. */
const GENERATED = /^\{"kind":"generated","id":(\d+),.*"ms":([^,}]+)\}$/;

/** A reply that a pool has to do with, else nothing. */
function read(json) {
  if (REPLY.test(json)) return JSON.parse(json);
  const [, id, ms] = GENERATED.exec(json) ?? [];
  return id ? { kind: "generated", id: Number(id), ms: Number(ms) } : {};
}

export class Pool {
  #tell;
  #own;
  #start;
  #graphics;
  #threads;
  /** Groups that helpers take part in now. */
  #parted = 0;
  #helpers = [];
  /** Loads that are going on, by id; then what lies in each slot: {message, source, bytes}. */
  #loading = new Map();
  #slots = new Map();
  /** Requests that several workers answer, by id; and who drew the last answers. */
  #shared = new Map();
  #drew = [];

  /**
   * @param {(data: unknown) => void} own gives a message to this worker's engine
   * @param {(json: string) => void} tell sends a message to the page
   * @param {(() => Worker) | undefined} start another worker, whose engine has one thread; none where this one shall do all by itself
   * @param {(slot: string, source: object | undefined, card: boolean, failed?: (why: string) => void) => Promise<string>} graphics lets the
   *   card compute a slot, or not; `failed` is called when it has stopped to
   * @param {{does?: () => boolean, rest?: (resting: boolean) => void, remember?: (sha256: string) => Promise<void>}} threads of this worker's engine, if it has several
   */
  constructor(own, tell, start, graphics, threads = {}) {
    this.#threads = threads;
    this.#own = { give: own };
    this.#tell = tell;
    this.#start = start;
    this.#graphics = graphics;
  }

  /** A message of the page. */
  ask(data) {
    const json = typeof data === "string" ? data : data?.[0];
    const request = REQUEST.test(json) ? JSON.parse(json) : {};
    const { id, slot } = request;
    if (request.kind === "load" || request.kind === "unload") this.#forget(slot);
    if (request.kind === "load" && json === data) this.#loading.set(id, { slot, message: json, source: request.source, bytes: 0 });
    if (request.kind === "cancel") this.#cancel(id, json);
    if (request.kind === "generate") return void this.#generate(id, json, slot, request.group_size);
    if (request.kind === "bench") return void this.#bench(id, json, slot, request.spec.group);
    if (request.kind === "report") return void this.#report(id, json);
    if (request.kind === "device") return void this.#device(request);
    this.#own.give(data);
  }

  /** The file of this load is not kept by the browser: each helper would have to fetch it again. */
  unkept(id) {
    const load = this.#loading.get(id);
    if (load) load.unkept = true;
  }

  /** A message of this worker's engine. */
  answer(json, from = this.#own) {
    if (json.startsWith(STREAM)) return this.#tell(json);
    const reply = read(json);
    const load = from === this.#own && this.#loading.get(reply.id);
    if (load && reply.kind === "progress") load.bytes = reply.received;
    if (load && reply.kind !== "progress") this.#loading.delete(reply.id);
    if (load && reply.kind === "loaded") this.#loaded(load);
    const shared = this.#shared.get(reply.id);
    if (!shared?.workers.includes(from) || reply.kind === "progress") return this.#tell(json);
    shared.replies.set(from, { json, reply });
    if (reply.kind === "failed") this.#cancel(reply.id, JSON.stringify({ kind: "cancel", id: reply.id }), from);
    if (shared.replies.size < shared.workers.length) return;
    this.#shared.delete(reply.id);
    const replies = shared.workers.map((worker) => shared.replies.get(worker));
    const failed = replies.filter(({ reply }) => reply.kind === "failed");
    // Those that were stopped because another failed have nothing to say.
    shared.end((failed.find(({ reply }) => !reply.cancelled) ?? failed[0])?.json, replies);
  }

  #loaded(load) {
    const sha256 = hashOf(load.source);
    load.together = Boolean(this.#threads.does?.());
    this.#slots.set(load.slot, load);
    // Nobody waits for this note.
    if (sha256 && !load.unkept) this.#threads.remember?.(sha256).catch(() => {});
  }

  /** Helpers want the cores on which this worker's threads would compute. */
  #part(by) {
    this.#parted += by;
    this.#threads.rest?.(this.#parted > 0);
  }

  /** Ask several workers the same; each has its share of the group. Resolves to their replies, or none where the page was told of a failure. */
  #together(id, json, workers, group) {
    return new Promise((resolve) => {
      const parted = Number(group > 0 && workers.length > 1);
      if (parted) this.#part(1);
      const end = (failure, replies) => {
        if (parted) this.#part(-1);
        if (failure) this.#tell(failure);
        resolve(failure ? null : replies);
      };
      this.#shared.set(id, { workers, replies: new Map(), end });
      let first = 0;
      workers.forEach((worker, i) => {
        const count = Math.ceil((group - first) / (workers.length - i));
        worker.give(group ? [json, null, first, count] : json);
        first += count;
      });
    });
  }

  async #generate(id, json, slot, group) {
    const held = this.#slots.get(slot);
    const shared = this.#shares(held) && hashOf(held.source);
    const helpers = shared ? this.#enlist(held, group).filter((helper) => helper.holds.get(slot)?.done === held) : [];
    this.#drew = [this.#own, ...helpers];
    if (!helpers.length) return this.#own.give(json);
    const replies = await this.#together(id, json, this.#drew, group);
    if (!replies) return;
    const rollouts = replies.map(({ json }) => json.slice(json.indexOf("[") + 1, json.lastIndexOf("]")));
    const ms = Math.max(...replies.map(({ reply }) => reply.ms));
    this.#tell(`{"kind":"generated","id":${id},"rollouts":[${rollouts.join()}],"ms":${ms}}`);
  }

  /** The engine measures itself; then the group again, on all workers at once: the sum of their rates while all are at work. */
  async #bench(id, json, slot, group) {
    const held = this.#slots.get(slot);
    const alone = await this.#together(id, json, [this.#own], 0);
    if (!alone) return;
    const { report } = alone[0].reply;
    const helpers = this.#shares(held) ? this.#enlist(held, group) : [];
    const loaded = await Promise.all(helpers.map((helper) => helper.holds.get(slot)?.loading));
    if (helpers.length && loaded.every(Boolean)) {
      // Once without looking: what a helper never ran before, the browser has not optimised.
      if (!(await this.#together(id, json, [this.#own, ...helpers], group))) return;
      for (const run of report.runs) {
        const replies = await this.#together(id, json, [this.#own, ...helpers], group);
        if (!replies) return;
        run[2] = replies.reduce((sum, { reply }) => sum + reply.report.group_tps, 0);
      }
      report.group_tps = report.runs.map((run) => run[2]).sort((a, b) => a - b)[report.runs.length >> 1];
      report.engine += `, groups on ${helpers.length + 1} workers`;
    }
    this.#tell(JSON.stringify({ kind: "benched", id, report }));
  }

  async #report(id, json) {
    const workers = [this.#own, ...this.#helpers.filter(({ up }) => up)];
    const replies = await this.#together(id, json, workers, 0);
    if (!replies) return;
    const { report } = replies[0].reply;
    const rates = replies.filter((_, i) => this.#drew.includes(workers[i])).map(({ reply }) => reply.report.last_decode_tps ?? 0);
    report.last_decode_tps = rates.reduce((sum, rate) => sum + rate, 0) || null;
    report.memory_bytes = replies.reduce((sum, { reply }) => sum + reply.report.memory_bytes, 0);
    report.workers = replies.length;
    report.graphics = [...this.#slots].flatMap(([slot, { graphics }]) => (graphics ? [[slot, graphics]] : []));
    this.#tell(JSON.stringify({ kind: "reported", id, report }));
  }

  /** What the card computes is not shared among workers. */
  async #device({ id, slot, card }) {
    const held = this.#slots.get(slot);
    const by = (alone, graphics) => held && Object.assign(held, { alone, graphics });
    by(false);
    try {
      const note = await this.#graphics(slot, held?.source, card, (why) => by(false, `${why}; the processor computes this model`));
      if (held !== this.#slots.get(slot)) {
        await this.#graphics(slot, undefined, false);
        throw new Error(`\`${slot}\` holds another model by now`);
      }
      by(card, note);
      this.#tell(JSON.stringify({ kind: "device", id, note }));
    } catch ({ message }) {
      this.#tell(JSON.stringify({ kind: "failed", id, message, cancelled: false }));
    }
  }

  #cancel(id, json, except = this.#own) {
    const others = this.#shared.get(id)?.workers.filter((worker) => worker !== except) ?? [];
    for (const worker of others) queueMicrotask(() => worker.give(json));
  }

  /** Not what every worker would have to fetch, nor what the card computes, nor what this worker's threads do as well together. */
  #shares(held) {
    return held && !held.unkept && !held.alone && !held.together;
  }

  /** The helpers that a group of this size is worth; those that lack the model begin to load it. */
  #enlist(held, group) {
    const cores = navigator.hardwareConcurrency ?? 1;
    const fit = Math.floor(mostBytes(navigator.deviceMemory ?? 4) / Math.max(held.bytes, 1));
    // One core is left to the page where there are more than two.
    const workers = !this.#start ? 1 : Math.min(MOST_WORKERS, cores > 2 ? cores - 1 : cores, fit, Math.floor(group / FEWEST_SAMPLES));
    while (this.#helpers.length < workers - 1) this.#helpers.push(this.#helper());
    const enlisted = this.#helpers.filter(({ lost }) => !lost).slice(0, Math.max(workers - 1, 0));
    for (const helper of enlisted) if (helper.holds.get(held.slot)?.held !== held) this.#give(helper, held);
    return enlisted;
  }

  #helper() {
    const worker = this.#start();
    const helper = { worker, give: (data) => worker.postMessage(data), holds: new Map(), loads: new Map(), up: false };
    helper.ready = new Promise((resolve) => {
      const hear = (json) => {
        if (json.startsWith('{"kind":"ready"')) return resolve((helper.up = true));
        if (json.startsWith(STREAM)) return this.#tell(json);
        const reply = read(json);
        const loaded = reply.kind !== "progress" && helper.loads.get(reply.id);
        if (loaded) return loaded(reply.kind === "loaded");
        if (reply.kind && this.#shared.has(reply.id)) this.answer(json, helper);
      };
      worker.onmessage = ({ data }) => lines(data).forEach(hear);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#lose(helper);
        resolve(false);
      };
    });
    return helper;
  }

  /** A helper that stopped (out of memory, say) takes no part any more; what it was asked fails. */
  #lose(helper) {
    helper.worker.terminate();
    Object.assign(helper, { up: false, lost: true, give: () => {}, holds: new Map() });
    for (const loaded of helper.loads.values()) loaded(false);
    for (const [id, { workers, replies }] of this.#shared) {
      if (!workers.includes(helper) || replies.has(helper)) continue;
      const message = "a part of the engine stopped, for lack of memory perhaps; ask again for a smaller group";
      this.answer(JSON.stringify({ kind: "failed", id, message, cancelled: false }), helper);
    }
  }

  /** No helper goes on. */
  end() {
    for (const { worker } of this.#helpers) worker.terminate();
  }

  #give(helper, held) {
    const hold = { held };
    const { id } = JSON.parse(held.message);
    hold.loading = helper.ready.then((up) => {
      if (!up || helper.holds.get(held.slot) !== hold) return false;
      return new Promise((resolve) => {
        helper.loads.set(id, resolve);
        helper.give(held.message);
      });
    }).then((loaded) => {
      helper.loads.delete(id);
      if (loaded) hold.done = held;
      return loaded;
    });
    helper.holds.set(held.slot, hold);
  }

  /** What lay in a slot is no longer asked for. */
  #forget(slot) {
    this.#slots.delete(slot);
    for (const helper of this.#helpers) {
      if (helper.holds.delete(slot)) helper.give(JSON.stringify({ kind: "unload", id: 0, slot }));
    }
  }
}
