//! The engine's builds with and without relaxed SIMD: the same numbers in every format, and the one that every browser has where the other fails.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { clicker, root } from "../fixtures.mjs";
import { formats, gguf } from "../gguf.mjs";

const app = clicker();

test("relaxed SIMD gives the same numbers in every format", { timeout: 120_000 }, async () => {
  const page = await app.page({ bypassCSP: true });
  const tokenizer = await readFile(path.join(root, "tests/golden/llama-tiny/tokenizer.json"), "utf8");
  await page.route("**/noise/*.gguf", (route) => {
    const format = path.basename(new URL(route.request().url()).pathname, ".gguf");
    return route.fulfill({ body: gguf({ tokenizer, family: "llama", format }), contentType: "application/octet-stream" });
  });
  const said = await page.evaluate(async (formats) => {
    const { Engine } = await import("/pkg/client.js");
    const answers = async (relaxed) => {
      const engine = await Engine.start(undefined, { share: false, threads: false, relaxed });
      const said = { build: engine.build, answers: {} };
      for (const format of formats) {
        const model = await engine.load({ url: `/noise/${format}.gguf`, name: format });
        // One row of activations, four rows and some, and a prompt of many.
        const draw = async (options) => (await model.generate({ messages: "a b c d e f ".repeat(4), seed: 7, maxTokens: 6, ...options }).result).answers;
        said.answers[format] = [await draw({ temperature: 0 }), await draw({ group: 7 })].flat().map(({ tokens }) => tokens);
        await model.unload();
      }
      engine.close();
      return said;
    };
    return [await answers(true), await answers(false)];
  }, formats);
  assert.deepEqual(said.map(({ build }) => build), ["wasm relaxed simd128, one thread (as asked)", "wasm simd128, one thread (as asked)"]);
  for (const format of formats) {
    const [relaxed, plain] = said.map(({ answers }) => answers[format]);
    assert.equal(plain.length, 8);
    assert.ok(plain.every((tokens) => tokens.every(({ logprob, entropy }) => Number.isFinite(logprob) && entropy >= 0)), format);
    assert.deepEqual(relaxed, plain, `${format}: tokens, log-probabilities and entropies, to the last bit`);
  }
});

for (const [what, answer] of [
  ["cannot be fetched", { status: 404, body: "" }],
  ["computes something else", { body: "export default () => {}; export const is_exact = () => false;", contentType: "text/javascript" }],
])
  test(`where the build with relaxed SIMD ${what}, the other one is used`, async () => {
    const page = await app.page({ bypassCSP: true });
    if (answer.status) app.tolerate(/worker-relaxed\.js/);
    await page.context().route("**/pkg/worker-relaxed.js", (route) => route.fulfill(answer));
    const said = await page.evaluate(async () => {
      const { Engine } = await import("/pkg/client.js");
      const engine = await Engine.start(undefined, { share: false, threads: false });
      const model = await engine.load({ url: "/models/builtin.gguf" });
      const { answers } = await model.generate({ messages: "Hi", temperature: 0, maxTokens: 2 }).result;
      return { build: engine.build, tokens: answers[0].tokens.length };
    });
    assert.deepEqual(said, { build: "wasm simd128, one thread (as asked)", tokens: 2 });
  });
