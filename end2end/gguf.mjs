//! Small models of any family in any format, made of noise: for tests that compare two ways to compute the same. Never knows what computes.

/// Number in the file, weights and bytes of a block, and where its scales (f16) lie with their size in weights' own units: what the
/// rest of a block's bytes are multiplied to, as a standard deviation.
const FORMATS = {
  F32: { id: 0, block: [1, 4] },
  F16: { id: 1, block: [1, 2] },
  BF16: { id: 30, block: [1, 2] },
  Q4_0: { id: 2, block: [32, 18], scales: [0], deviation: 4.6 },
  Q5_0: { id: 6, block: [32, 22], scales: [0], deviation: 9.2 },
  Q8_0: { id: 8, block: [32, 34], scales: [0], deviation: 74 },
  // Two scales: of the weights, and of what is taken away, which on average is 31.5 * 7.5 of the first.
  Q4_K: { id: 12, block: [256, 144], scales: [0, 2], deviation: 240, least: 7.5 },
  Q6_K: { id: 14, block: [256, 210], scales: [208], deviation: 1370 },
};

export const formats = Object.keys(FORMATS);

/// xorshift: the same noise in every run.
function noise(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);
const asBits = (x) => ((floats[0] = x), bits[0]);

/// Nearest towards 0, for numbers that are not huge.
function half(x) {
  const b = asBits(x);
  if (Math.abs(x) < 2 ** -14) return ((b >>> 16) & 0x8000) | Math.floor(Math.abs(x) * 2 ** 24);
  return ((b >>> 16) & 0x8000) | ((((b >>> 23) & 255) - 112) << 10) | ((b >>> 13) & 0x3ff);
}

/// A matrix of noise about 0 with the spread that keeps activations their size.
function matrix(format, rows, columns, random) {
  const { block: [weights, size], scales, deviation, least } = FORMATS[format];
  const spread = 1 / Math.sqrt(columns);
  const bytes = new Uint8Array((rows * columns * size) / weights);
  const view = new DataView(bytes.buffer);
  if (!scales) {
    for (let i = 0; i < rows * columns; i++) {
      const x = (random() - 0.5) * 3.46 * spread;
      if (format === "F32") view.setFloat32(4 * i, x, true);
      else view.setUint16(2 * i, format === "F16" ? half(x) : asBits(x) >>> 16, true);
    }
    return bytes;
  }
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
  for (let at = 0; at < bytes.length; at += size) {
    scales.forEach((place, i) => view.setUint16(at + place, half(((i ? least : 1) * spread * (0.5 + random())) / deviation), true));
  }
  return bytes;
}

/// What a stretch of the rotary frequencies as in Llama 3 divides each of them by, as the published models' code says (Meta's llama-models,
/// `apply_scaling`): waves that are long for the old context by the factor, short ones by nothing, and between them a mixture.
function divisors({ factor, low = 1, high = 4, original = 8192 }, headDim, base) {
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const wave = 2 * Math.PI * base ** ((2 * i) / headDim);
    const share = Math.min(1, Math.max(0, (original / wave - low) / (high - low)));
    return 1 / ((1 - share) / factor + share);
  });
}

/// The bytes of a file. Matrices have the format, or each in turn one of several; `tokenizer` is the text of a tokenizer.json; `stretch` of
/// the rotary frequencies is {linear: factor} or {llama3: {factor}}.
export function gguf({ stretch = {}, base = 10_000, family, format, tied = false, tokenizer, vocab = 320, width = 256, layers = 1, heads = 4, kvHeads = 2, headDim = 64, ffn = 256, context = 256, seed = 1 }) {
  const random = noise(seed);
  const kinds = [format].flat();
  const tensors = [];
  const add = (name, rows, columns) => {
    const kind = kinds[tensors.length % kinds.length];
    tensors.push({ name: `${name}.weight`, dims: [columns, rows], id: FORMATS[kind].id, bytes: matrix(kind, rows, columns, random) });
  };
  const vector = (name, length, about) => {
    const bytes = new Uint8Array(4 * length);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < length; i++) view.setFloat32(4 * i, about + 0.2 * (random() - 0.5), true);
    tensors.push({ name, dims: [length], id: 0, bytes });
  };
  add("token_embd", vocab, width);
  if (stretch.llama3) {
    const bytes = new Uint8Array(Float32Array.from(divisors(stretch.llama3, headDim, base)).buffer);
    tensors.push({ name: "rope_freqs.weight", dims: [headDim / 2], id: 0, bytes });
  }
  for (let i = 0; i < layers; i++) {
    const at = `blk.${i}.`;
    vector(`${at}attn_norm.weight`, width, 1);
    for (const [part, n] of [["q", heads], ["k", kvHeads], ["v", kvHeads]]) {
      add(`${at}attn_${part}`, n * headDim, width);
      if (family === "qwen2") vector(`${at}attn_${part}.bias`, n * headDim, 0);
      if (family === "qwen3" && part !== "v") vector(`${at}attn_${part}_norm.weight`, headDim, 1);
    }
    add(`${at}attn_output`, width, heads * headDim);
    vector(`${at}ffn_norm.weight`, width, 1);
    add(`${at}ffn_gate`, ffn, width);
    add(`${at}ffn_up`, ffn, width);
    add(`${at}ffn_down`, width, ffn);
  }
  vector("output_norm.weight", width, 1);
  if (!tied) add("output", vocab, width);

  const out = [];
  const u32 = (n) => out.push(Buffer.from(Uint32Array.of(n).buffer));
  const u64 = (n) => out.push(Buffer.from(BigUint64Array.of(BigInt(n)).buffer));
  const text = (s) => (u64(Buffer.byteLength(s)), out.push(Buffer.from(s)));
  const whole = { context_length: context, embedding_length: width, block_count: layers, feed_forward_length: ffn, "attention.head_count": heads, "attention.head_count_kv": kvHeads, "attention.key_length": headDim };
  const real = { "attention.layer_norm_rms_epsilon": 1e-6, "rope.freq_base": base, ...(stretch.linear && { "rope.scaling.factor": stretch.linear }) };
  const words = { "general.architecture": family, "tokenizer.huggingface.json": tokenizer, ...(stretch.linear && { [`${family}.rope.scaling.type`]: "linear" }) };
  out.push(Buffer.from("GGUF"));
  u32(3);
  u64(tensors.length);
  u64(Object.keys({ ...words, ...whole, ...real }).length);
  const key = (name, type) => (text(name), u32(type));
  for (const [name, word] of Object.entries(words)) (key(name, 8), text(word));
  for (const [name, n] of Object.entries(whole)) (key(`${family}.${name}`, 4), u32(n));
  for (const [name, x] of Object.entries(real)) (key(`${family}.${name}`, 6), out.push(Buffer.from(Float32Array.of(x).buffer)));
  let offset = 0;
  for (const { name, dims, id, bytes } of tensors) {
    text(name);
    u32(dims.length);
    dims.forEach(u64);
    u32(id);
    u64(offset);
    offset += Math.ceil(bytes.length / 32) * 32;
  }
  const pad = (length) => out.push(Buffer.alloc((32 - (length % 32)) % 32));
  pad(out.reduce((sum, part) => sum + part.length, 0));
  for (const { bytes } of tensors) (out.push(Buffer.from(bytes)), pad(bytes.length));
  return Buffer.concat(out);
}
