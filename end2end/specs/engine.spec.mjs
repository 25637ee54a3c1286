//! The engine as a program uses it: the client beside the worker, with every option, in a real browser.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { clicker, root } from "../fixtures.mjs";

const app = clicker();

// The client is imported by the test, not by the page: the page's own policy does not apply to it.
async function engine(threads) {
  const page = await app.page({ bypassCSP: true });
  await page.evaluate(async (threads) => {
    const { Engine } = await import("/pkg/client.js");
    globalThis.engine = await Engine.start(undefined, { threads });
  }, threads);
  return page;
}

test("a group is streamed, repeats with its seed, and is scored as it was drawn", { timeout: 60_000 }, async () => {
  const page = await engine();
  const said = await page.evaluate(async () => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const options = { messages: "What is the capital of France?", group: 3, temperature: 1, seed: 7, alternatives: 2, maxTokens: 12 };
    const streamed = [[], [], []];
    const generation = model.generate(options);
    for await (const token of generation) streamed[token.sample].push(token.id);
    const { answers } = await generation.result;
    const again = (await model.generate(options).result).answers;
    const greedy = (await model.generate({ messages: options.messages, temperature: 0, maxTokens: 12 }).result).answers[0];
    const scored = await model.score({ messages: options.messages, text: greedy.text });
    const ids = await model.tokenize(greedy.text);
    return { streamed, answers, again, greedy, scored, ids, back: await model.detokenize(ids), report: await engine.report() };
  });
  assert.deepEqual(said.streamed, said.answers.map((answer) => answer.tokens.map((token) => token.id)));
  assert.deepEqual(said.again, said.answers);
  assert.equal(said.greedy.text, "Paris.");
  assert.equal(said.back, "Paris.");
  assert.deepEqual(said.scored.tokens.map((token) => token.id), said.ids);
  for (const [i, token] of said.scored.tokens.entries()) {
    assert.ok(Math.abs(token.logprob - said.greedy.tokens[i].logprob) < 1e-3, "prompt and steps agree");
  }
  assert.ok(said.answers[0].tokens[0].alternatives.length === 2);
  assert.ok(said.report.models[0][1] > 1e6 && said.report.memory_bytes > said.report.models[0][1]);
  assert.ok(said.report.last_decode_tps > 0);
});

test("stop texts, biases and penalties do what they say", { timeout: 60_000 }, async () => {
  const page = await engine();
  const said = await page.evaluate(async () => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const ask = async (options) =>
      (await model.generate({ messages: "What is the capital of France?", temperature: 0, maxTokens: 8, ...options }).result).answers[0];
    const plain = await ask({});
    return {
      cut: await ask({ stop: "ris" }),
      other: await ask({ logitBias: { [plain.tokens[0].id]: -1e9 } }),
      narrow: await ask({ temperature: 2, minP: 1, seed: 3 }),
      refused: await ask({ minP: 2 }).catch((error) => error.message),
    };
  });
  assert.equal(said.cut.text, "Pa");
  assert.equal(said.cut.stop, "end");
  assert.notEqual(said.other.text, "Paris.");
  assert.equal(said.narrow.text, "Paris.", "only the likeliest is left");
  assert.match(said.refused, /min_p 2/);
});

test("an abort ends the answers where they are", { timeout: 60_000 }, async () => {
  const page = await engine();
  const said = await page.evaluate(async () => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const controller = new AbortController();
    // Long answers: the end marker (the only token without text) is ruled out.
    const probe = await model.generate({ messages: "Hi", temperature: 0 }).result;
    const end = probe.answers[0].tokens.at(-1).id;
    const options = { messages: "Hi", group: 64, maxTokens: 200, logitBias: { [end]: -1e9 }, signal: controller.signal };
    const generation = model.generate(options);
    for await (const token of generation) {
      if (token.sample === 7) controller.abort();
    }
    return (await generation.result).answers.map(({ stop, tokens }) => ({ stop, n: tokens.length }));
  });
  assert.ok(said.every(({ stop, n }) => stop === "cancelled" && n > 0 && n < 200), JSON.stringify(said));
});

test("a file named by its hash comes from this browser the second time, and a damaged one is mended", { timeout: 60_000 }, async () => {
  const bytes = await readFile(path.join(root, "public/models/builtin.gguf"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const page = await engine();
  const said = await page.evaluate(async (sha256) => {
    const load = async (name) => {
      const model = await engine.load({ url: "/models/builtin.gguf", sha256, name });
      const { answers } = await model.generate({ messages: "What is the capital of Japan?", temperature: 0 }).result;
      // What is in memory would not be read again.
      await model.unload();
      return { cached: model.cached, text: answers[0].text };
    };
    const [first, second] = [await load("a"), await load("b")];
    // A hand in the cache changes a byte.
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("clicker-weights");
    const file = await folder.getFileHandle(`${sha256}.gguf`);
    const writer = await file.createWritable({ keepExistingData: true });
    await writer.write({ type: "write", position: 2_000_000, data: new Uint8Array([1, 2, 3, 4]) });
    await writer.close();
    const third = await load("c");
    const wrong = await engine
      .load({ url: "/models/builtin.gguf", sha256: "0".repeat(64), name: "d" })
      .then(() => "loaded", (error) => error.message);
    return { first, second, third, wrong };
  }, sha256);
  assert.deepEqual(said.first, { cached: false, text: "Tokyo." });
  assert.deepEqual(said.second, { cached: true, text: "Tokyo." });
  assert.deepEqual(said.third, { cached: true, text: "Tokyo." });
  assert.match(said.wrong, /have hash/);
});

test("what a closed tab had fetched, a part or all of it, is gone on from without a complaint", { timeout: 60_000 }, async () => {
  const bytes = await readFile(path.join(root, "public/models/builtin.gguf"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  for (const left of [1, 1_000_000, bytes.length]) {
    const page = await engine();
    const asked = page.waitForRequest((request) => request.url().endsWith("?left") && request.headers().range !== undefined);
    const said = await page.evaluate(async ([sha256, left]) => {
      const whole = await (await fetch("/models/builtin.gguf")).arrayBuffer();
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("clicker-weights", { create: true });
      const writer = await (await folder.getFileHandle(`${sha256}.part`, { create: true })).createWritable();
      await writer.write(whole.slice(0, left));
      await writer.close();
      const load = () => engine.load({ url: "/models/builtin.gguf?left", sha256, name: "resumed" });
      const model = await load();
      const { answers } = await model.generate({ messages: "What is the capital of Japan?", temperature: 0 }).result;
      await model.unload();
      return { text: answers[0].text, cached: model.cached, again: (await load()).cached };
    }, [sha256, left]);
    assert.deepEqual(said, { text: "Tokyo.", cached: false, again: true }, `${left} bytes were there`);
    assert.equal((await asked).headers().range, `bytes=${left - 1}-`);
  }
});

test("a group shared among workers is the group that one would draw", { timeout: 60_000 }, async () => {
  const bytes = await readFile(path.join(root, "public/models/builtin.gguf"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  // Threads would draw it as one batch.
  const page = await engine(false);
  const said = await page.evaluate(async (sha256) => {
    const cores = navigator.hardwareConcurrency;
    const expected = Math.min(4, cores > 2 ? cores - 1 : cores);
    const model = await engine.load({ url: "/models/builtin.gguf", sha256 });
    const options = { messages: "What is the capital of Atlantis?", group: 9, seed: 11, alternatives: 1, maxTokens: 16 };
    const alone = (await model.generate(options).result).answers;
    // The helpers load while that goes on; nothing waits for them.
    const drawn = { alone, expected };
    for (let tries = 0; tries < 400; tries++) {
      const before = performance.now();
      const generation = model.generate(options);
      const streamed = alone.map(() => []);
      for await (const token of generation) streamed[token.sample].push(token.id);
      Object.assign(drawn, { streamed, shared: (await generation.result).answers, ms: performance.now() - before });
      if ((drawn.report = await engine.report()).workers === expected) drawn.after = (drawn.after ?? 0) + 1;
      if (drawn.after > 3) break;
    }
    // Ended from outside while all are at work: the end marker (the last token of an answer) is ruled out, so that they would go on.
    const end = alone.find(({ stop }) => stop === "end").tokens.at(-1).id;
    const controller = new AbortController();
    const long = model.generate({ ...options, maxTokens: 200, logitBias: { [end]: -1e9 }, signal: controller.signal });
    const seen = alone.map(() => 0);
    for await (const token of long) if (++seen[token.sample] > 2 && seen.every((n) => n > 0)) controller.abort();
    drawn.cut = (await long.result).answers.map(({ stop, tokens }) => ({ stop, n: tokens.length }));
    await model.unload();
    return drawn;
  }, sha256);
  assert.equal(said.report.workers, said.expected, "every helper came up");
  assert.deepEqual(said.shared, said.alone);
  assert.deepEqual(said.streamed, said.alone.map((answer) => answer.tokens.map((token) => token.id)));
  assert.equal(said.cut.length, 9);
  assert.ok(said.cut.every(({ stop, n }) => stop === "cancelled" && n < 200), JSON.stringify(said.cut));
});
