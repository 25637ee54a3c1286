// A model on the graphics card: fetched by the engine's worker when somebody asks for the card. Reads the same file as the engine, and
// gives the card out only where it computes what the engine has computed of a known text. Never knows what is asked of the model.

import { compared, percent } from "./compared.js";
import { hashOf } from "./desk.js";
import init, { Loading } from "./gpu.js";
import { openWeights } from "./weights.js";

/** What browsers call adapters that are programs. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

let ready;

/**
 * Let the card compute what lies in a slot, or the processor again. Resolves to a sentence about the card.
 * @param {typeof import("./worker.js")} engine
 * @param {object | undefined} source where the slot's model came from, unless it came as bytes
 * @param {(why: string) => void} failed is called once when the card has failed and the processor goes on
 */
export async function switched(engine, slot, source, on, failed) {
  engine.set_card(slot);
  if (!on) return "";
  if (!source) throw new Error("the bytes of this model came with a message and were not kept: the graphics card can only read a model that has an address");
  const sha256 = hashOf(source);
  const card = await openCard(source.url ?? `/objects/${sha256}`, sha256, engine.Sha256, () => engine.known(slot));
  card.failed = failed;
  try {
    engine.set_card(slot, card);
  } catch (error) {
    card.free();
    throw error;
  }
  return card.note;
}

/** @param {() => [Uint32Array, Uint32Array, Float32Array]} known what the engine computes: see `known` in card.rs */
async function openCard(url, sha256, Sha256, known) {
  const adapter = await named();
  await (ready ??= init({ module_or_path: new URL("./gpu_bg.wasm", import.meta.url) }).catch((error) => {
    ready = undefined;
    throw error;
  }));
  const card = await load(url, sha256, Sha256);
  try {
    const { share } = await probe(card, known());
    card.name = `the graphics card (${adapter.name}${adapter.software ? ", a software adapter" : ""})`;
    card.note = `${card.name} computes this model: on a known text its logits are within ${percent(share)} of the processor's, and its greedy tokens are the same.`;
    return card;
  } catch (error) {
    card.free();
    throw new Error(`${adapter.name}: ${error.message}`);
  }
}

/** The adapter, or why there is none. */
async function named() {
  if (!navigator.gpu) {
    const why = self.isSecureContext ? "this browser has no WebGPU" : "WebGPU needs a page that came over https";
    throw new Error(`the graphics card cannot be used: ${why}; the processor goes on`);
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new Error("the graphics card cannot be used: this browser has WebGPU and gives no adapter, for lack of a card or of a driver that it trusts; the processor goes on");
  }
  // Not every browser that has WebGPU has `info`.
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info ?? adapter;
  const name = [vendor, architecture].filter(Boolean).join(" ") || description || "an adapter without a name";
  return { name, software: Boolean(isFallbackAdapter) || SOFTWARE.test(`${architecture} ${description}`) };
}

async function load(url, sha256, Sha256) {
  const weights = await openWeights(url, sha256, () => {}, new AbortController().signal, Sha256);
  try {
    // A kept file is checked while it is read; what was mended is read again.
    for (let tries = 0; tries < 3; tries++) {
      const card = await read(weights);
      if ((await weights.whole?.()) !== false) return card;
      card.free();
    }
    throw new Error(`what this browser keeps of ${url} is damaged again and again; is its disk full or failing?`);
  } finally {
    weights.close?.();
  }
}

/** What a card has taken of a model that it does not get whole is given back. */
async function read(weights) {
  const loading = await Loading.begin(weights);
  try {
    while (!loading.step()) await (weights.keepUp?.() ?? self.clickerYield());
  } catch (error) {
    loading.free();
    throw error;
  }
  return loading.finish();
}

/** Compute the known text on the card: how far its logits are from the engine's at most, as a share of the largest. An error if that is too far. */
async function probe(card, [prompt, fed, logits]) {
  const steps = fed.length / 2;
  const vocab = logits.length / (1 + fed.length);
  const session = card.begin(prompt, Uint32Array.of(prompt.length), Uint32Array.of(0, 0), steps);
  try {
    let first;
    while (!(first = await session.more()));
    const rows = [first];
    for (let i = 0; i < steps; i++) {
      const both = await session.step(fed.slice(2 * i, 2 * i + 2), Uint32Array.of(0, 1));
      rows.push(both.subarray(0, vocab), both.subarray(vocab));
    }
    return compared(rows, rows.map((_, i) => logits.subarray(i * vocab, (i + 1) * vocab)));
  } finally {
    session.free();
  }
}
