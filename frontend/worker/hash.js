// SHA-256 of pieces. Browsers compute a digest on the thread that asks for it, so a file of many pieces is hashed by a thread of its own: this
// file again, as a worker. Never knows what the bytes are.

import { startWorker } from "./start.js";

const NAME = "clicker-hasher";
/** The thread's first word: what is sent to it before may be lost. */
const UP = "up";

/** In hexadecimal; the bytes are copied before this returns. */
export async function digest(bytes) {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(hash), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Hashes on another thread; where that cannot be had, or breaks, on this one. */
export class Hasher {
  #worker = null;
  #ready = null;
  #up = () => {};
  /** What is waited for, in the order of asking. */
  #waiting = [];

  /** Start the thread: worth it for several pieces. */
  start() {
    this.#ready = new Promise((resolve) => (this.#up = resolve));
    try {
      this.#worker = startWorker(import.meta.url, NAME);
      this.#worker.onmessage = ({ data }) => (data === UP ? this.#up() : this.#waiting.shift()?.(data));
      this.#worker.onerror = (event) => {
        event.preventDefault();
        this.close();
      };
    } catch {
      this.close();
    }
    return this;
  }

  /**
   * Takes the memory of the bytes away and gives it back with their hash; neither if the thread was lost with it.
   * @param {Uint8Array} bytes from the beginning of their buffer
   * @returns {Promise<{hash?: string, buffer?: ArrayBuffer}>}
   */
  async hash(bytes) {
    await this.#ready;
    const { buffer, length } = bytes;
    if (!this.#worker) return { hash: await digest(bytes), buffer };
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage({ buffer, length }, [buffer]);
    });
  }

  close() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#up();
    for (const resolve of this.#waiting.splice(0)) resolve({});
  }
}

if (self.name === NAME) {
  self.onmessage = async ({ data: { buffer, length } }) => {
    const hash = await digest(new Uint8Array(buffer, 0, length));
    self.postMessage({ hash, buffer }, [buffer]);
  };
  self.postMessage(UP);
}
