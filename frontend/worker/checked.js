// A kept file that is checked while it is read: whoever asks for a part gets it out of a whole piece, which is hashed on another thread
// when the next is asked for. Never knows where pieces come from, nor how a damaged one is mended.

/** Pieces that may be waiting for their hash, beside the one that is read: each is in memory as long. */
const MOST_WAITING = 1;
/** Parts up to this size are read by themselves: they lie scattered. */
const SMALL = 64 << 10;

/**
 * A part is there until the next is asked for.
 * @param {{size: number, read: (offset: number, length: number, into?: Uint8Array) => Uint8Array, close: () => void}} file `into` may be used for what is read
 * @param {string[]} hashes of its pieces, in order
 * @param {number} piece bytes of each but the last
 * @param {import("./hash.js").Hasher} hasher
 * @param {(broken: [index: number, hash: string][]) => Promise<typeof file>} mend what gets it when pieces are damaged
 */
export function checked(file, hashes, piece, hasher, mend) {
  const { size } = file;
  const seen = new Set();
  const waiting = new Set();
  const broken = [];
  let held = -1;
  let bytes = null;
  // Pieces lie here, one after the other: fresh memory for each would cost as much as reading it.
  const rooms = [];
  const most = Math.min(piece, size);
  // What lies in several pieces is put together here: nobody keeps a part beyond the next.
  let seam = new Uint8Array();
  let done = false;

  const keep = (buffer) => buffer?.byteLength === most && rooms.push(buffer);

  /** The piece that was read goes to be hashed, once. */
  const pass = () => {
    if (held < 0) return;
    const index = held;
    held = -1;
    if (seen.has(index)) return void keep(bytes.buffer);
    seen.add(index);
    const check = hasher.hash(bytes).then(({ hash, buffer }) => {
      waiting.delete(check);
      keep(buffer);
      // Lost with the thread that had it: to be read again.
      if (!hash) seen.delete(index);
      else if (hash !== hashes[index]) broken.push([index, hashes[index]]);
    });
    waiting.add(check);
  };

  /** The piece with this number. */
  const whole = (index) => {
    if (index === held) return bytes;
    pass();
    bytes = file.read(index * piece, Math.min(piece, size - index * piece), new Uint8Array(rooms.pop() ?? most));
    held = index;
    return bytes;
  };

  return {
    size,
    read(offset, length) {
      const first = Math.floor(offset / piece);
      if (done || length <= SMALL) return file.read(offset, length);
      if (offset + length <= (first + 1) * piece) return whole(first).subarray(offset - first * piece, offset + length - first * piece);
      if (seam.length < length) seam = new Uint8Array(length);
      const out = seam.subarray(0, length);
      for (let at = 0; at < length; ) {
        const index = Math.floor((offset + at) / piece);
        const from = offset + at - index * piece;
        const part = whole(index).subarray(from, from + length - at);
        out.set(part, at);
        at += part.length;
      }
      return out;
    },
    /** A promise when there are enough pieces that wait. */
    keepUp() {
      return waiting.size > MOST_WAITING ? Promise.race(waiting) : undefined;
    },
    /** Whether every piece is what it was; if not, they are now, and have to be read again. */
    async whole() {
      if (done) return true;
      pass();
      await Promise.all(waiting);
      while (seen.size < hashes.length) {
        for (let index = 0; index < hashes.length; index++) {
          if (seen.has(index)) continue;
          whole(index);
          pass();
          if (waiting.size > MOST_WAITING) await Promise.race(waiting);
        }
        await Promise.all(waiting);
      }
      done = true;
      bytes = null;
      seam = new Uint8Array();
      rooms.length = 0;
      hasher.close();
      if (!broken.length) return true;
      file.close();
      file = await mend(broken);
      return false;
    },
    close() {
      hasher.close();
      file.close();
    },
  };
}
