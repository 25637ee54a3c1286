// Gets a weights file as something to read from: from the browser's private file system if it is there, else from the network, where a
// cut download goes on at the byte it reached. A file is never held as a whole: what arrives is hashed and stored piece by
// piece, and the engine reads what it needs. What is cached is named by its hash; each piece is checked against a list that was
// written when the whole matched, and a piece that does not match is fetched again. Where the private file system is denied (private
// windows), the bytes are kept in memory for this visit.

const memory = new Map();
const reader = new FileReaderSync();
const PIECE = 8 << 20;

/**
 * @typedef {{size: number, read: (offset: number, length: number) => Uint8Array, cached: boolean, close?: () => void}} Weights
 * @param {string} url where to fetch
 * @param {string} sha256 expected hash, or "" for no caching and no check
 * @param {(received: number, total: number | undefined, cached: boolean) => void} progress
 * @param {AbortSignal} signal
 * @param {new () => {update(bytes: Uint8Array): void, finish(): string, free(): void}} Sha256
 * @returns {Promise<Weights>}
 */
export async function openWeights(url, sha256, progress, signal, Sha256) {
  if (!sha256) {
    const kept = new Chunks();
    await download(url, kept, progress, signal);
    return kept.weights(false);
  }
  const folder = await privateFolder();
  const kept = memory.get(sha256) ?? (folder && (await cached(folder, sha256, url, signal)));
  if (kept) {
    progress(kept.size, kept.size, true);
    return { ...kept, cached: true };
  }
  const store = (folder && (await PartFile.open(folder, sha256))) ?? new Chunks();
  const hash = new Hashing(Sha256);
  try {
    await hash.resume(store);
    await download(url, store, progress, signal, hash);
    const { whole, pieces } = await hash.finish();
    if (whole !== sha256) {
      await store.remove();
      throw new Error(`the downloaded weights have hash ${whole}, expected ${sha256}; they were thrown away, try again`);
    }
    const weights = await store.finish(pieces);
    if (store instanceof Chunks) memory.set(sha256, weights);
    return weights;
  } finally {
    hash.free();
    store.close();
  }
}

/** Bytes in memory, as they arrived. */
class Chunks {
  chunks = [];
  starts = [];
  size = 0;

  write(bytes) {
    this.starts.push(this.size);
    this.chunks.push(bytes);
    this.size += bytes.length;
  }

  read(offset, length) {
    const out = new Uint8Array(length);
    let at = this.starts.findLastIndex((start) => start <= offset);
    for (let done = 0; done < length; at++) {
      const from = offset + done - this.starts[at];
      const part = this.chunks[at].subarray(from, from + length - done);
      out.set(part, done);
      done += part.length;
    }
    return out;
  }

  clear() {
    this.chunks = [];
    this.starts = [];
    this.size = 0;
  }

  weights(cached) {
    return { size: this.size, read: (offset, length) => this.read(offset, length), cached };
  }

  async remove() {
    this.clear();
  }

  async finish() {
    return this.weights(false);
  }

  close() {}
}

/** A file of the private file system that is being written. */
class PartFile {
  /** None if another tab is writing it. */
  static async open(folder, sha256) {
    try {
      const handle = await folder.getFileHandle(`${sha256}.part`, { create: true });
      const part = new PartFile();
      Object.assign(part, { folder, sha256, handle, access: await handle.createSyncAccessHandle() });
      part.size = part.access.getSize();
      return part;
    } catch {
      return null;
    }
  }

  write(bytes) {
    for (let done = 0; done < bytes.length; ) {
      const now = this.access.write(done ? bytes.subarray(done) : bytes, { at: this.size });
      if (!now) throw new Error("this browser's storage is full; free some space and try again");
      done += now;
      this.size += now;
    }
  }

  read(offset, length) {
    const out = new Uint8Array(length);
    this.access.read(out, { at: offset });
    return out;
  }

  clear() {
    this.access.truncate(0);
    this.size = 0;
  }

  async remove() {
    this.close();
    await this.folder.removeEntry(`${this.sha256}.part`).catch(() => {});
  }

  async finish(pieces) {
    this.access.flush();
    this.close();
    const name = `${this.sha256}.gguf`;
    await writeFile(this.folder, `${this.sha256}.json`, new TextEncoder().encode(JSON.stringify({ size: this.size, pieces })));
    await this.folder.removeEntry(name).catch(() => {});
    await this.handle.move(name);
    return { ...(await openFile(this.handle)), cached: false };
  }

  close() {
    this.access?.close();
    this.access = null;
  }
}

/** The hash of the whole while it arrives, and of every piece. */
class Hashing {
  pieces = [];

  held = new Uint8Array(PIECE);
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
    for (let at = 0; at < bytes.length; ) {
      const now = Math.min(PIECE - this.filled, bytes.length - at);
      this.held.set(bytes.subarray(at, at + now), this.filled);
      this.filled += now;
      at += now;
      if (this.filled === PIECE) this.endPiece();
    }
  }

  endPiece() {
    // `digest` copies before it returns.
    this.pieces.push(digest(this.held.subarray(0, this.filled)));
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

/** A file of the cache: through a handle that several workers and tabs may hold at once where there is one, which reads many times faster. */
async function openFile(handle) {
  const file = await handle.getFile();
  const access = await handle.createSyncAccessHandle({ mode: "read-only" }).catch(() => null);
  // A browser that does not know the mode hands out a handle that keeps everybody else from the file.
  if (access?.mode !== "read-only") {
    access?.close();
    const part = (offset, length) => file.slice(offset, offset + length);
    const read = (offset, length) => new Uint8Array(reader.readAsArrayBuffer(part(offset, length)));
    return { size: file.size, read, later: (offset, length) => part(offset, length).arrayBuffer(), close() {} };
  }
  const read = (offset, length) => {
    const out = new Uint8Array(length);
    return out.subarray(0, access.read(out, { at: offset }));
  };
  return { size: access.getSize(), read, later: async (...part) => read(...part), close: () => access.close() };
}

async function privateFolder() {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle("clicker-weights", { create: true });
  } catch {
    return null;
  }
}

/** A file of the cache whose every piece is what it was, mended where it is not; none if it cannot be had. */
async function cached(folder, sha256, url, signal) {
  const name = `${sha256}.gguf`;
  let file;
  try {
    const record = JSON.parse(await (await (await folder.getFileHandle(`${sha256}.json`)).getFile()).text());
    const handle = await folder.getFileHandle(name);
    file = await openFile(handle);
    const broken = [];
    if (file.size !== record.size) throw new Error("another size");
    const left = [...record.pieces.entries()];
    const check = async () => {
      for (let next; (next = left.shift()); ) {
        const start = next[0] * PIECE;
        const bytes = await file.later(start, Math.min(PIECE, record.size - start));
        if ((await digest(bytes)) !== next[1]) broken.push(next);
      }
    };
    // Reading and hashing happen on threads of the browser: one piece is read while another is hashed.
    await Promise.all([check(), check(), check()]);
    if (broken.length) {
      file.close();
      await mend(handle, broken, record, url, signal);
      file = await openFile(handle);
    }
    return file;
  } catch (error) {
    file?.close();
    if (signal.aborted) throw error;
    for (const entry of [name, `${sha256}.json`]) await folder.removeEntry(entry).catch(() => {});
    return null;
  }
}

/** Fetch broken pieces again. */
async function mend(handle, broken, record, url, signal) {
  const access = await handle.createSyncAccessHandle();
  try {
    for (const [index, expected] of broken) {
      const [start, end] = [index * PIECE, Math.min((index + 1) * PIECE, record.size)];
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

async function writeFile(folder, name, bytes) {
  const handle = await folder.getFileHandle(name, { create: true });
  const access = await handle.createSyncAccessHandle();
  try {
    access.truncate(0);
    access.write(bytes, { at: 0 });
    access.flush();
  } finally {
    access.close();
  }
}

/** Everything that the store lacks, into it. What arrives before a cut stays there, so that the next attempt asks only for the rest. */
async function download(url, store, progress, signal, hash) {
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
    hash?.restart();
  }
  const length = Number(response.headers.get("content-length"));
  // Of a compressed answer, the length says nothing about what arrives.
  let known = store.size && store.size - from;
  const total = length && !response.headers.get("content-encoding") ? store.size - known + length : undefined;
  progress(store.size, total, false);
  const body = response.body.getReader();
  let told = store.size;
  for (;;) {
    const { done, value } = await body.read();
    if (done) break;
    const fresh = known ? value.subarray(known) : value;
    known -= Math.min(known, value.length);
    if (!fresh.length) continue;
    hash?.update(fresh);
    store.write(fresh);
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

async function digest(bytes) {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(hash), (b) => b.toString(16).padStart(2, "0")).join("");
}
