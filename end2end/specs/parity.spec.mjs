//! The engine's wasm in a real browser against the native build: the same rewards byte for byte, the same greedy tokens, the same verdicts.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { clicker, root } from "../fixtures.mjs";

const app = clicker();
const native = process.env.CLICKER_PARITY ?? path.join(root, "target/debug/examples/parity");
const judge = path.join(root, "public/models/builtin.gguf");
const files = ["llama-tiny-f32.gguf", "llama-tiny-mixed.gguf"];
const golden = (name) => path.join(root, "tests/golden", name);

for (const build of ["worker", "worker-relaxed"])
test(`wasm and native agree on rewards, on greedy tokens and on verdicts: ${build}`, { timeout: 120_000 }, async () => {
  const reference = JSON.parse(await readFile(golden("llama-tiny/reference.json"), "utf8"));
  const prompts = reference.prompts.map((prompt) => prompt.ids);
  const newTokens = reference.prompts[0].greedy_ids.length;
  const args = [JSON.stringify(prompts), String(newTokens), judge, ...files.map(golden)];
  const { stdout } = await promisify(execFile)(native, args, { maxBuffer: 1 << 26 });
  const expected = JSON.parse(stdout);
  const measured = Object.fromEntries(["truthful", "repetition", "forbidden", "pii", "composite"].map((name) => [name, expected.speed[name]]));

  // The module is imported by the test, not by the page: the page's own policy does not apply to it.
  const page = await app.page({ bypassCSP: true });
  await page.route("**/golden/*.gguf", (route) =>
    route.fulfill({ path: golden(path.basename(new URL(route.request().url()).pathname)) }),
  );
  await page.route("**/judge.gguf", (route) => route.fulfill({ path: judge }));
  const wasm = await page.evaluate(
    async ({ build, files, prompts, newTokens, cases, judging, measured }) => {
      const engine = await import(`/pkg/${build}.js`);
      await engine.default({ module_or_path: new URL(`/pkg/${build}_bg.wasm`, location.href) });
      if (!engine.is_exact()) throw new Error("relaxed instructions compute something else here");
      const greedy = [];
      for (const file of files) {
        const bytes = new Uint8Array(await (await fetch(`/golden/${file}`)).arrayBuffer());
        greedy.push(prompts.map((prompt) => Array.from(engine.greedy_ids(bytes, Uint32Array.from(prompt), newTokens))));
      }
      // A figure to read, not one to fail on: the machine may be busy.
      const perSecond = (cases) => {
        engine.grade_repeatedly(cases, 20);
        const start = performance.now();
        const graded = engine.grade_repeatedly(cases, 200);
        return Math.round((graded * 1000) / (performance.now() - start));
      };
      const speed = Object.fromEntries(Object.entries(measured).map(([name, cases]) => [name, perSecond(cases)]));
      const bytes = new Uint8Array(await (await fetch("/judge.gguf")).arrayBuffer());
      const start = performance.now();
      const judged = engine.graded_cases(judging, bytes);
      return { graded: engine.graded_cases(cases, new Uint8Array()), judged, judgedMs: Math.round(performance.now() - start), greedy, speed };
    },
    { build, files, prompts, newTokens, cases: expected.graded.cases, judging: expected.judged.cases, measured },
  );

  console.log(`answers graded per second in wasm: ${JSON.stringify(wasm.speed)}`);
  assert.ok(Object.values(wasm.speed).every((n) => n > 0), "every reward that is measured exists");

  const judged = JSON.parse(expected.judged.said).map(([rewards]) => rewards);
  console.log(`the shipped model judged ${judged.flat().length} answers in ${wasm.judgedMs} ms`);
  const [[answer]] = judged;
  const [label, greedy, drawn, both, long] = answer.receipts;
  for (const receipt of [label, greedy, drawn, both]) assert.match(receipt.reason, /builtin says “.+”, p 0\.\d\d of the replies/);
  assert.match(long.reason, /^the grader failed: model_grader_server_error: builtin: prompt: \d+ tokens/);
  assert.equal(wasm.judged, expected.judged.said, "and the same model judges with the same words, the probabilities included");

  const rows = { wasm: JSON.parse(wasm.graded), native: JSON.parse(expected.graded.said) };
  assert.ok(rows.native.length > 20, "there are cases to compare");
  assert.deepEqual(rows.wasm, rows.native);
  assert.equal(wasm.graded, expected.graded.said, "the same bytes");
  assert.deepEqual(wasm.greedy, expected.greedy);
  assert.deepEqual(wasm.greedy[0], reference.prompts.map((prompt) => prompt.greedy_ids), "and transformers says the same");
});
