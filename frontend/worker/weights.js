// Gets a weights file: from the browser's private file system if it is there, else from the network, where a cut download goes
// on at the byte it reached. What is cached is named by its hash and verified by it; a file that does not match is removed.
// Where the private file system is denied (private windows), the bytes are kept in memory for this visit.

const memory = new Map();

/**
 * @param {string} url where to fetch
 * @param {string} sha256 expected hash, or "" for no caching and no check
 * @param {(received: number, total: number | undefined, cached: boolean) => void} progress
 * @param {AbortSignal} signal
 * @returns {Promise<{bytes: Uint8Array, cached: boolean}>}
 */
export async function fetchWeights(url, sha256, progress, signal) {
  if (!sha256) {
    return { bytes: await download(url, null, null, progress, signal), cached: false };
  }
  const folder = await privateFolder();
  const kept = memory.get(sha256) ?? (folder && (await read(folder, `${sha256}.gguf`)));
  if (kept && (await hash(kept)) === sha256) {
    progress(kept.length, kept.length, true);
    return { bytes: kept, cached: true };
  }
  const bytes = await download(url, folder, `${sha256}.part`, progress, signal);
  const got = await hash(bytes);
  if (got !== sha256) {
    if (folder) await folder.removeEntry(`${sha256}.part`).catch(() => {});
    throw new Error(`the downloaded weights have hash ${got}, expected ${sha256}; they were thrown away, try again`);
  }
  if (folder) {
    await write(folder, `${sha256}.gguf`, bytes).catch(() => memory.set(sha256, bytes));
    await folder.removeEntry(`${sha256}.part`).catch(() => {});
  } else {
    memory.set(sha256, bytes);
  }
  return { bytes, cached: false };
}

async function privateFolder() {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle("clicker-weights", { create: true });
  } catch {
    return null;
  }
}

async function read(folder, name) {
  try {
    const handle = await folder.getFileHandle(name);
    return new Uint8Array(await (await handle.getFile()).arrayBuffer());
  } catch {
    return null;
  }
}

async function write(folder, name, bytes) {
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

// Whatever arrives before a cut is kept in the part file, so that the next attempt asks only for the rest.
async function download(url, folder, part, progress, signal) {
  const chunks = [];
  let received = 0;
  const before = folder && (await read(folder, part));
  if (before?.length) {
    chunks.push(before);
    received = before.length;
  }
  const headers = received ? { Range: `bytes=${received}-` } : {};
  const response = await fetch(url, { headers, signal });
  if (response.status === 416) {
    return joined(chunks, received);
  }
  if (!response.ok) {
    throw new Error(`${url} answered ${response.status} ${response.statusText}`);
  }
  if (received && response.status !== 206) {
    chunks.length = 0;
    received = 0;
  }
  const length = Number(response.headers.get("content-length"));
  const total = length ? received + length : undefined;
  progress(received, total, false);
  const reader = response.body.getReader();
  let told = received;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      received += value.length;
      if (received - told > 65536) {
        told = received;
        progress(received, total, false);
      }
    }
  } catch (error) {
    if (folder && received) await write(folder, part, joined(chunks, received)).catch(() => {});
    throw error;
  }
  progress(received, total, false);
  if (total !== undefined && received < total) {
    if (folder) await write(folder, part, joined(chunks, received)).catch(() => {});
    throw new Error(`the download stopped at ${received} of ${total} bytes; try again and it goes on from there`);
  }
  return joined(chunks, received);
}

function joined(chunks, length) {
  if (chunks.length === 1) return chunks[0];
  const out = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

async function hash(bytes) {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
}
