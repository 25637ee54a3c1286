//! The engine on several threads: used where the page may share memory, the same answers as on one, and one with the reason where it may not or where
//! something is wrong. Where this site has no such build, its sentence is what is tested.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";
import { host, site } from "../host.mjs";

const app = clicker();
const built = existsSync(path.join(site, "pkg/threads.js"));
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Other headers, and files changed on the way. */
const other = host();

/** A page of the server itself, which isolates its pages. */
async function own() {
  const page = await app.page({ bypassCSP: true });
  await imported(page);
  return page;
}

/** A page of the other host. */
async function elsewhere(headers, changed = (_name, body) => body) {
  Object.assign(other, { headers, changed });
  app.tolerate(/^a request to another host: http:\/\/127\.0\.0\.1/);
  const page = await app.page({ owner: false });
  await page.goto(other.url);
  await imported(page);
  return page;
}

const imported = (page) => page.evaluate(async () => void (globalThis.Engine = (await import("/pkg/client.js")).Engine));

/** What an engine with these threads says of itself, before and behind a load, and what it answers. */
const answers = (page, threads) =>
  page.evaluate(async (threads) => {
    const engine = await Engine.start(undefined, { share: false, threads });
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const options = { messages: "What is the capital of Atlantis?", group: 5, seed: 3, alternatives: 2, maxTokens: 24 };
    const group = (await model.generate(options).result).answers;
    const greedy = (await model.generate({ messages: "What is the capital of Japan?", temperature: 0 }).result).answers;
    const scored = await model.score({ messages: "What is the capital of Japan?", text: greedy[0].text });
    const [embedding] = await model.embed("Tokyo");
    const { build, workers } = await engine.report();
    engine.close();
    return { first: engine.build, build, workers, drawn: { group, greedy, scored, embedding: Array.from(embedding) } };
  }, threads);

if (!built) {
  test("a site without that build says so", async () => {
    const page = await own();
    const said = await answers(page, 2);
    assert.equal(said.build, "wasm simd128, one thread (built without threads)");
    assert.equal(said.drawn.greedy[0].text, "Tokyo.");
  });
} else {
  test("two and three threads give the bits that one gives", { timeout: 90_000 }, async () => {
    const page = await own();
    const one = await answers(page, false);
    assert.equal(one.build, "wasm simd128, one thread (as asked)");
    assert.equal(one.drawn.greedy[0].text, "Tokyo.");
    for (const threads of [2, 3]) {
      const said = await answers(page, threads);
      assert.equal(said.first, `wasm simd128, ${threads} threads`);
      assert.match(said.build, new RegExp(`^wasm simd128, ${threads} threads, \\d+\\.\\d times as fast as one in the probe$`));
      assert.equal(said.workers, 1, "a group is one batch, not shared among workers");
      assert.deepEqual(said.drawn, one.drawn);
    }
  });

  test("an abort ends the answers at the next token", { timeout: 60_000 }, async () => {
    const page = await own();
    const said = await page.evaluate(async () => {
      const engine = await Engine.start(undefined, { share: false, threads: 2 });
      const model = await engine.load({ url: "/models/builtin.gguf" });
      const controller = new AbortController();
      // The end marker (the last token of an answer) is ruled out, so that they would go on.
      const end = (await model.generate({ messages: "Hi", temperature: 0 }).result).answers[0].tokens.at(-1).id;
      const generation = model.generate({ messages: "Hi", group: 64, maxTokens: 200, logitBias: { [end]: -1e9 }, signal: controller.signal });
      for await (const token of generation) if (token.sample === 7) controller.abort();
      return (await generation.result).answers.map(({ stop, tokens }) => ({ stop, n: tokens.length }));
    });
    assert.ok(said.every(({ stop, n }) => stop === "cancelled" && n > 0 && n < 200), JSON.stringify(said));
  });

  test("where nothing is asked, the probe decides and its result is said", { timeout: 60_000 }, async () => {
    const page = await own();
    const { build, drawn } = await answers(page, undefined);
    assert.equal(drawn.greedy[0].text, "Tokyo.");
    const cores = await page.evaluate(() => navigator.hardwareConcurrency);
    const probed = /^wasm simd128, (\d threads, \d+\.\d times as fast as one in the probe|one thread \(\d were \d+\.\d times as fast as one in the probe\))$/;
    assert.match(build, cores > 1 ? probed : /one thread \(there is one core\)$/);
  });

  test("a page that may not share memory has one thread, and its card says why", { timeout: 60_000 }, async () => {
    const page = await elsewhere({});
    const said = await answers(page, 2);
    assert.equal(said.build, "wasm simd128, one thread (the page is not cross-origin isolated)");
    assert.equal(said.drawn.greedy[0].text, "Tokyo.");
    const card = await page.evaluate(() => Engine.probe({ url: "/models/builtin.gguf", promptTokens: 8, newTokens: 8, runs: 1, group: 2 }));
    assert.match(card.text, /one thread \(the page is not cross-origin isolated\)/);
    assert.match(card.text, /\nnot cross-origin isolated; /);
  });

  test("a card says with how many threads it was measured", { timeout: 60_000 }, async () => {
    const page = await elsewhere(ISOLATED);
    const card = await page.evaluate(() => Engine.probe({ url: "/models/builtin.gguf", promptTokens: 8, newTokens: 8, runs: 1, group: 4, threads: 2 }));
    assert.match(card.text, /wasm simd128, 2 threads, \d+\.\d times as fast as one in the probe\n/);
    assert.match(card.text, /\ncross-origin isolated; /);
  });

  test("a thread that does not start leaves an engine with one", { timeout: 60_000 }, async () => {
    // The engine's worker asks for the file first, then its members.
    let asked = 0;
    const broken = (name, body) => (name === "/pkg/threads.js" && asked++ ? "throw new Error('as asked');" : body);
    const page = await elsewhere(ISOLATED, broken);
    const said = await answers(page, 2);
    assert.ok(asked > 1);
    assert.match(said.build, /^wasm simd128, one thread \(a thread did not start: .*as asked\)$/);
    assert.equal(said.drawn.greedy[0].text, "Tokyo.");
  });

  test("a thread that is ended while it waits is not missed", { timeout: 60_000 }, async () => {
    const page = await elsewhere(ISOLATED, (name, body) =>
      name === "/pkg/threads.js" ? String(body).replace("const workers =", "const workers = self.members =") : body,
    );
    await page.evaluate(async () => {
      globalThis.engine = await Engine.start(undefined, { share: false, threads: 2 });
      globalThis.model = await engine.load({ url: "/models/builtin.gguf" });
    });
    const worker = page.workers().find((worker) => worker.url().includes("engine.js"));
    assert.equal(await worker.evaluate(() => (self.members.forEach((member) => member.terminate()), self.members.length)), 1);
    const text = await page.evaluate(async () => (await model.generate({ messages: "What is the capital of Japan?", temperature: 0 }).result).answers[0].text);
    assert.equal(text, "Tokyo.");
  });

  test("the bench page takes the number of threads from its address", { timeout: 120_000 }, async () => {
    const page = await app.page();
    for (const [threads, expected] of [[2, /, 2 threads, /], [0, /, one thread \(as asked\)/]]) {
      await page.goto(`${app.url}/bench?threads=${threads}&prompt=8&new=8&runs=1&group=2&model=${encodeURIComponent(`${app.url}/models/builtin.gguf`)}`);
      const shown = await eventually("figures", async () => {
        const text = await page.locator("#bench-result").innerText();
        return text.trim() !== "" && JSON.parse(text);
      }, 60_000);
      assert.match(shown.engine, expected);
    }
  });
}
