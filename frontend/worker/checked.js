// A kept file that is checked while it is read: whoever asks for a part gets it out of a whole piece, which is hashed on another thread of the
// browser meanwhile. Never knows where pieces come from, nor how a damaged one is mended.

/** Pieces that may be waiting for their hash: each is in memory as long. */
const MOST_WAITING = 3;
/** Parts up to this size are read by themselves: they lie scattered. */
const SMALL = 64 << 10;

/**
 * @param {{size: number, read: (offset: number, length: number, into?: Uint8Array) => Uint8Array, close: () => void}} file `into` may be used for what is read
 * @param {string[]} hashes of its pieces, in order
 * @param {number} piece bytes of each but the last
 * @param {(bytes: Uint8Array) => Promise<string>} digest copies the bytes before it returns
 * @param {(broken: [index: number, hash: string][]) => Promise<typeof file>} mend what gets it when pieces are damaged
 */
export function checked(file, hashes, piece, digest, mend) {
  const { size } = file;
  const seen = new Set();
  const waiting = new Set();
  const broken = [];
  let held = -1;
  let bytes = null;
  // One piece after the other lies here: fresh memory for each would cost as much as reading it.
  let room = null;
  let done = false;

  /** The piece with this number, on its way to be hashed. */
  const whole = (index) => {
    if (index === held) return bytes;
    held = index;
    room ??= new Uint8Array(Math.min(piece, size));
    bytes = file.read(index * piece, Math.min(piece, size - index * piece), room);
    if (!seen.has(index)) {
      seen.add(index);
      const check = digest(bytes).then((hash) => {
        waiting.delete(check);
        if (hash !== hashes[index]) broken.push([index, hashes[index]]);
      });
      waiting.add(check);
    }
    return bytes;
  };

  return {
    size,
    read(offset, length) {
      const first = Math.floor(offset / piece);
      if (done || length <= SMALL) return file.read(offset, length);
      if (offset + length <= (first + 1) * piece) return whole(first).subarray(offset - first * piece, offset + length - first * piece);
      const out = new Uint8Array(length);
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
      for (let index = 0; index < hashes.length; index++) {
        if (!seen.has(index)) whole(index);
        if (waiting.size > MOST_WAITING) await Promise.race(waiting);
      }
      await Promise.all(waiting);
      done = true;
      bytes = room = null;
      if (!broken.length) return true;
      file.close();
      file = await mend(broken);
      return false;
    },
    close: () => file.close(),
  };
}
