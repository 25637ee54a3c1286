// Gets a weights file as something to read from: from what this browser keeps if it is there, else from the network, where a
// cut download goes on at the byte it reached. A file is never held as a whole: what arrives is hashed and stored piece by
// piece, and the engine reads what it needs. What is kept is named by its hash; each piece is checked against a list that was
// written when the whole matched, and a piece that does not match is fetched again. Where nothing can be kept (private windows,
// sandboxed frames, no space), the bytes stay in memory, and a sentence says so.

import { checked } from "./checked.js";
import { digest, Hasher } from "./hash.js";
import { Chunks, openFile, PartFile } from "./places.js";
import { folder, makeRoom, sized, touch } from "./store.js";

const memory = new Map();
const { subtle } = crypto;
/** Bytes that are hashed, checked and mended as one: up to three of them are in memory while a file is checked. */
const PIECE = 2 << 20;
/** What records without a size of their pieces were made of. */
const EARLIER_PIECE = 8 << 20;
/** From here on hashing is worth a thread of its own. */
const LONG = 8 << 20;
/** Bytes that this worker keeps in memory for the next load where the browser keeps none. */
const MEMORY_MOST = 64 << 20;
/** From here on people are told how large a download is and how much space there is. */
const LARGE = 32 << 20;

/**
 * @typedef {{size: number, read: (offset: number, length: number) => Uint8Array, cached: boolean, close?: () => void}} Weights
 * @typedef {{needed?: number, free?: number, kept: boolean, evicted: string[], note?: string}} Space what a download needs and has
 * @param {string} url where to fetch
 * @param {string} sha256 expected hash, or "" for no caching and no check
 * @param {(received: number, total: number | undefined, cached: boolean) => void} progress
 * @param {AbortSignal} signal
 * @param {new () => {update(bytes: Uint8Array): void, finish(): string, free(): void}} Sha256
 * @param {(said: {space?: Space, sha256?: string}) => void} tell what is known before the first byte arrives, and the hash of a file without one
 * @returns {Promise<Weights>}
 */
export async function openWeights(url, sha256, progress, signal, Sha256, tell = () => {}) {
  const hash = new Hashing(Sha256);
  try {
    if (!sha256) {
      const bytes = new Chunks();
      await download(url, bytes, progress, signal, hash);
      tell({ sha256: (await hash.finish()).whole });
      return bytes.weights(false);
    }
    const from = await folder().catch(() => null);
    const kept = memory.get(sha256) ?? (from && (await cached(from, sha256, url, signal)));
    if (kept) {
      progress(kept.size, kept.size, true);
      // Nobody waits for this note.
      if (from) touch(from, sha256, url).catch(() => {});
      return { ...kept, cached: true };
    }
    const part = from && (await PartFile.open(from, sha256));
    const store = part ?? new Chunks();
    try {
      await hash.resume(store);
      const before = async (total) => {
        const space = await prepare(part, total);
        if (from) await touch(from, sha256, url);
        tell({ space });
      };
      await download(url, store, progress, signal, hash, before);
      const { whole, pieces } = await hash.finish();
      if (whole !== sha256) {
        await store.remove();
        throw new Error(`the downloaded weights have hash ${whole}, expected ${sha256}; they were thrown away, try again`);
      }
      const weights = await store.finish({ piece: PIECE, pieces });
      if (!part?.handle) remember(sha256, weights);
      return weights;
    } finally {
      store.close();
    }
  } finally {
    hash.free();
  }
}

/** Before the first byte: is there space, and what has to go for it. */
async function prepare(part, total) {
  if (!part) {
    const note = "This browser keeps no files for this page (a private window or a sandboxed frame, perhaps): the model stays in memory and is fetched again next time.";
    return { needed: total, kept: false, evicted: [], note };
  }
  const needed = total && Math.max(total - part.size, 0);
  const { free, evicted } = await makeRoom(needed ?? 0);
  const space = { needed, free, kept: true, evicted };
  if (needed > free) {
    await part.toMemory();
    space.kept = false;
    space.note = `The model needs ${sized(needed)} and this browser has ${sized(free)} free for it: it stays in memory and is fetched again next time.`;
  } else if (needed >= LARGE || evicted.length) {
    const gone = evicted.length && `; ${evicted.length === 1 ? "a model that was" : `${evicted.length} models that were`} not used for long made room`;
    space.note = `${sized(needed)} to fetch, ${free === undefined ? "free space unknown" : `${sized(free)} free in this browser`}${gone || ""}.`;
  }
  return space;
}

/** Keep small files for the next load in this worker, the last ones first. */
function remember(sha256, weights) {
  memory.set(sha256, weights);
  let bytes = 0;
  for (const [key, { size }] of [...memory].reverse()) if ((bytes += size) > MEMORY_MOST) memory.delete(key);
}

/** The hash of the whole while it arrives, and of every piece. */
class Hashing {
  pieces = [];

  held = null;
  filled = 0;

  constructor(Sha256) {
    this.Sha256 = Sha256;
    this.whole = new Sha256();
  }

  /** What an earlier attempt left. */
  async resume(store) {
    for (let at = 0; at < store.size; at += 1 << 20) {
      this.update(store.read(at, Math.min(1 << 20, store.size - at)));
    }
  }

  update(bytes) {
    this.whole.update(bytes);
    this.held ??= new Uint8Array(PIECE);
    for (let at = 0; at < bytes.length; ) {
      const now = Math.min(PIECE - this.filled, bytes.length - at);
      this.held.set(bytes.subarray(at, at + now), this.filled);
      this.filled += now;
      at += now;
      if (this.filled === PIECE) this.endPiece();
    }
  }

  endPiece() {
    // `digest` copies before it returns. Pages without https have none, and nothing is kept there.
    if (subtle) this.pieces.push(digest(this.held.subarray(0, this.filled)));
    this.filled = 0;
  }

  restart() {
    this.whole.free();
    this.whole = new this.Sha256();
    this.pieces = [];
    this.filled = 0;
  }

  async finish() {
    if (this.filled) this.endPiece();
    const whole = this.whole.finish();
    return { whole, pieces: await Promise.all(this.pieces) };
  }

  free() {
    this.whole.free();
  }
}

/** A file of the cache, which is checked while it is read; none if it cannot be had. */
async function cached(from, sha256, url, signal) {
  const name = `${sha256}.gguf`;
  const remove = () => Promise.all([name, `${sha256}.json`].map((entry) => from.removeEntry(entry).catch(() => {})));
  let file;
  try {
    const [record, handle] = await Promise.all([noted(from, `${sha256}.json`), from.getFileHandle(name)]);
    file = await openFile(handle);
    if (file.size !== record.size) throw new Error("another size");
    const hasher = record.size > LONG ? new Hasher().start() : new Hasher();
    return checked(file, record.pieces, record.piece, hasher, async (broken) => {
      try {
        await mend(handle, broken, record, url, signal);
        return await openFile(handle);
      } catch (error) {
        if (!signal.aborted) await remove();
        throw error;
      }
    });
  } catch (error) {
    file?.close();
    if (signal.aborted) throw error;
    await remove();
    return null;
  }
}

async function noted(from, name) {
  return { piece: EARLIER_PIECE, ...JSON.parse(await (await (await from.getFileHandle(name)).getFile()).text()) };
}

/** Fetch broken pieces again. */
async function mend(handle, broken, record, url, signal) {
  const access = await handle.createSyncAccessHandle();
  try {
    for (const [index, expected] of broken) {
      const [start, end] = [index * record.piece, Math.min((index + 1) * record.piece, record.size)];
      const response = await fetch(url, { headers: { Range: `bytes=${start}-${end - 1}` }, signal });
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.status !== 206 || (await digest(bytes)) !== expected) throw new Error("a piece could not be mended");
      access.write(bytes, { at: start });
    }
    access.flush();
  } finally {
    access.close();
  }
}

/** Everything that the store lacks, into it. What arrives before a cut stays there, so that the next attempt asks only for the rest. */
async function download(url, store, progress, signal, hash, before) {
  // From the last byte on that is there: a store may hold all of them already (its tab was closed before it could say so), and a
  // range that begins behind the end is an error.
  const from = Math.max(store.size - 1, 0);
  const headers = store.size ? { Range: `bytes=${from}-` } : {};
  const response = await fetch(url, { headers, signal });
  // More than the file has: the hash will say so, and what is there will be thrown away.
  if (response.status === 416) return;
  if (!response.ok) {
    throw new Error(`${url} answered ${response.status} ${response.statusText}`);
  }
  if (store.size && response.status !== 206) {
    store.clear();
    hash.restart();
  }
  const length = Number(response.headers.get("content-length"));
  // Of a compressed answer, the length says nothing about what arrives.
  let known = store.size && store.size - from;
  const total = length && !response.headers.get("content-encoding") ? store.size - known + length : undefined;
  await before?.(total);
  progress(store.size, total, false);
  const body = response.body.getReader();
  let told = store.size;
  for (;;) {
    const { done, value } = await body.read();
    if (done) break;
    const fresh = known ? value.subarray(known) : value;
    known -= Math.min(known, value.length);
    if (!fresh.length) continue;
    hash.update(fresh);
    await store.write(fresh);
    if (store.size - told > 65536) {
      told = store.size;
      progress(store.size, total, false);
    }
  }
  progress(store.size, total, false);
  if (total !== undefined && store.size < total) {
    throw new Error(`the download stopped at ${store.size} of ${total} bytes; try again and it goes on from there`);
  }
}
