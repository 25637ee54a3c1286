// The weights that this browser keeps: a folder of its private file system with a few small files beside each model, all named by the
// model's hash. Who uses a model holds its lock; when space is short, what nobody holds goes, the longest unused first. Never knows
// where weights come from or whether they are right.
//
//   <sha256>.gguf   the weights        <sha256>.json  {size, piece, pieces}: bytes of a piece, the hash of every piece
//   <sha256>.part   some of them       <sha256>.used  {name, used}: where they came from, and when they were last asked for
//   <sha256>.probe  {conditions, gain, at}: what several threads gained

const FOLDER = "clicker-weights";
const FILE = /^([0-9a-f]{64})\.(gguf|part|json|used|probe)$/;
/** Bytes that are left free, for the browser's own books. */
const SPARE = 4 << 20;

/** Bytes as people say them. */
export const sized = (bytes) => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);

/** Where `threads.js` keeps what a model's probe showed. */
export const probeOf = (sha256) => `${sha256}.probe`;

const lock = (sha256) => `clicker-weights:${sha256}`;

/** The folder; an error where this browser keeps no files for this page (some private windows, sandboxed frames, pages without https). */
export async function folder() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/**
 * What is kept, the last used first.
 * @returns {Promise<{sha256: string, bytes: number, complete: boolean, name: string, used: number, inUse: boolean}[]>}
 */
export async function kept() {
  const from = await folder().catch(() => null);
  if (!from) return [];
  const models = new Map();
  for await (const [name, handle] of from.entries()) {
    const [, sha256, kind] = FILE.exec(name) ?? [];
    if (!sha256) continue;
    const model = models.get(sha256) ?? { sha256, bytes: 0, complete: false, name: "", used: 0, inUse: false };
    models.set(sha256, model);
    // Another tab may be taking it away just now.
    const file = await handle.getFile().catch(() => null);
    if (!file) continue;
    if (kind === "gguf" || kind === "part") model.bytes += file.size;
    if (kind === "gguf") model.complete = true;
    if (kind === "used") Object.assign(model, await file.text().then(JSON.parse).catch(() => ({})));
    else model.used ||= file.lastModified;
  }
  const { held } = (await navigator.locks?.query()) ?? { held: [] };
  for (const model of models.values()) model.inUse = held.some(({ name }) => name === lock(model.sha256));
  return [...models.values()].filter(({ bytes }) => bytes).sort((a, b) => b.used - a.used);
}

/** Take a model away. False, and nothing is touched, while a tab uses it. */
export async function forget(sha256) {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`${sha256} is no SHA-256; expected 64 hexadecimal digits, as in the list of what is kept`);
  const from = await folder().catch(() => null);
  if (!from) return true;
  const remove = async (free) => {
    if (!free) return false;
    for (const kind of ["probe", "used", "json", "part", "gguf"]) await from.removeEntry(`${sha256}.${kind}`).catch(() => {});
    return true;
  };
  if (!navigator.locks) return remove(true);
  return navigator.locks.request(lock(sha256), { ifAvailable: true }, remove);
}

/** Nobody may take this model away until the function that this returns is called, or the tab is closed. */
export function hold(sha256) {
  let release = () => {};
  const held = new Promise((resolve) => (release = resolve));
  navigator.locks?.request(lock(sha256), { mode: "shared" }, () => held).catch(() => {});
  return release;
}

/** Bytes that the browser would still store; none if it does not say. */
export async function free() {
  const { quota, usage } = await navigator.storage.estimate().catch(() => ({}));
  return quota === undefined ? undefined : Math.max(quota - usage - SPARE, 0);
}

/** Take models away, the longest unused first, until this many bytes are free; returns how many are, and what was taken away. */
export async function makeRoom(bytes) {
  let room = await free();
  const evicted = [];
  if (room === undefined || room >= bytes) return { free: room, evicted };
  for (const model of (await kept()).reverse()) {
    if (model.inUse || !(await forget(model.sha256))) continue;
    evicted.push(model.sha256);
    room += model.bytes;
    if (room >= bytes) break;
  }
  return { free: room, evicted };
}

/** Remember that a model was asked for now. */
export async function touch(from, sha256, name) {
  const record = new TextEncoder().encode(JSON.stringify({ name, used: Date.now() }));
  // Another worker may be writing the same.
  await writeFile(from, `${sha256}.used`, record).catch(() => {});
}

/** In a worker: write a small file as a whole. */
export async function writeFile(from, name, bytes) {
  const handle = await from.getFileHandle(name, { create: true });
  const access = await handle.createSyncAccessHandle();
  try {
    access.truncate(0);
    access.write(bytes, { at: 0 });
    access.flush();
  } finally {
    access.close();
  }
}
