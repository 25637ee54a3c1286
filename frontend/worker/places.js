// Places where the bytes of a model lie while and after they arrive: memory, or a file of the private file system. Never knows where
// they come from or what they should be.

import { makeRoom, writeFile } from "./store.js";

const reader = new FileReaderSync();

/** Bytes in memory, as they arrived. */
export class Chunks {
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

/** A file of the private file system that is being written; where space runs out after all, the rest of the way is in memory. */
export class PartFile {
  #memory = null;

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

  async write(bytes) {
    let done = this.#put(bytes);
    if (done < bytes.length) {
      await makeRoom(bytes.length);
      done += this.#put(bytes.subarray(done));
    }
    if (done < bytes.length) {
      await this.toMemory();
      this.#put(bytes.subarray(done));
    }
  }

  /** How many bytes found their place. */
  #put(bytes) {
    let done = 0;
    if (this.#memory) {
      this.#memory.write(bytes);
      done = bytes.length;
    }
    try {
      for (let now = 1; now && done < bytes.length; done += now) {
        now = this.access.write(done ? bytes.subarray(done) : bytes, { at: this.size + done });
      }
    } catch {
      // No space: what was written before stays.
    }
    this.size += done;
    return done;
  }

  read(offset, length) {
    if (this.#memory) return this.#memory.read(offset, length);
    const out = new Uint8Array(length);
    this.access.read(out, { at: offset });
    return out;
  }

  clear() {
    this.#memory?.clear();
    this.access?.truncate(0);
    this.size = 0;
  }

  /** Give the space back and go on in memory. */
  async toMemory() {
    const memory = new Chunks();
    for (let at = 0; at < this.size; at += 1 << 20) memory.write(this.read(at, Math.min(1 << 20, this.size - at)));
    await this.remove();
    this.#memory = memory;
  }

  async remove() {
    this.close();
    this.handle = null;
    await this.folder.removeEntry(`${this.sha256}.part`).catch(() => {});
  }

  /** `hashes` are those of its pieces. */
  async finish(hashes) {
    if (this.#memory) return this.#memory.finish();
    this.access.flush();
    this.close();
    const name = `${this.sha256}.gguf`;
    await writeFile(this.folder, `${this.sha256}.json`, new TextEncoder().encode(JSON.stringify({ size: this.size, ...hashes })));
    await this.folder.removeEntry(name).catch(() => {});
    await this.handle.move(name);
    return { ...(await openFile(this.handle)), cached: false };
  }

  close() {
    this.access?.close();
    this.access = null;
  }
}

/** A file of the cache: through a handle that several workers and tabs may hold at once where there is one, which reads many times faster. */
export async function openFile(handle) {
  const access = await handle.createSyncAccessHandle({ mode: "read-only" }).catch(() => null);
  // A browser that does not know the mode hands out a handle that keeps everybody else from the file.
  if (access?.mode !== "read-only") {
    access?.close();
    const file = await handle.getFile();
    const part = (offset, length) => file.slice(offset, offset + length);
    const read = (offset, length) => new Uint8Array(reader.readAsArrayBuffer(part(offset, length)));
    return { size: file.size, read, close() {} };
  }
  const read = (offset, length, into) => {
    const out = into?.subarray(0, length) ?? new Uint8Array(length);
    return out.subarray(0, access.read(out, { at: offset }));
  };
  return { size: access.getSize(), read, close: () => access.close() };
}
