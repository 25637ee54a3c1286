//! Tabs of one site share one engine: the second loads nothing, and goes on when the first is closed.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { clicker, eventually, root } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();
const sha256 = createHash("sha256").update(await readFile(path.join(root, "public/models/builtin.gguf"))).digest("hex");

/// An engine with the built-in model, in a tab that serves as a program's page.
async function program(page, options = {}) {
  await page.goto(`${app.url}/bench`);
  await page.evaluate(
    async ([sha256, options]) => {
      const { Engine } = await import("/pkg/client.js");
      globalThis.engine = await Engine.start(undefined, options);
      globalThis.model = await engine.load({ url: "/models/builtin.gguf", sha256, name: "builtin" });
      // Long answers, for as long as a test needs: the end marker is ruled out.
      const probe = await model.generate({ messages: "Hi", temperature: 0 }).result;
      globalThis.long = { messages: "Hi", group: 3, seed: 5, maxTokens: 180, logitBias: { [probe.answers[0].tokens.at(-1).id]: -1e9 } };
    },
    [sha256, options],
  );
  return page;
}

/// Two of them in one profile.
async function two() {
  const first = await program(await app.page({ bypassCSP: true, owner: false }));
  const second = await program(await app.tab(first));
  return [first, second];
}

/// Requests that a tab made for weights and for the engine's wasm.
function heavy(page) {
  const asked = [];
  page.on("request", (request) => /\/objects\/|\.gguf|worker[^/]*_bg\.wasm/.test(request.url()) && asked.push(request.url()));
  return asked;
}

test("a second playground loads no weights and no engine, both answer, and the second goes on alone", { timeout: 120_000 }, async () => {
  const first = await app.page();
  const fetched = heavy(first);
  await playground.open(first, app.url);
  assert.ok(fetched.some((url) => url.includes("/objects/")), fetched.join());
  const second = await app.tab(first);
  const again = heavy(second);
  await playground.open(second, app.url);
  await Promise.all([playground.sample(first), playground.sample(second)]);
  assert.deepEqual(again, []);
  assert.match(await second.getByTestId("engine-state").getAttribute("title"), /in another tab/);
  await first.close();
  await playground.sample(second);
  // From what the browser keeps; the engine's code is checked by the server's "not modified".
  assert.deepEqual(again.filter((url) => !/worker[^/]*_bg/.test(url)), []);
});

test("whoever stops an answer stops only that one, in either tab", { timeout: 60_000 }, async () => {
  const [first, second] = await two();
  const run = (page, stop) =>
    page.evaluate(async (stop) => {
      const controller = new AbortController();
      const generation = model.generate({ ...long, signal: controller.signal });
      let seen = 0;
      for await (const _ of generation) if (++seen === 9 && stop) controller.abort();
      return (await generation.result).answers.map(({ stop, tokens }) => `${stop} ${tokens.length > 100}`);
    }, stop);
  const whole = Array(3).fill("length true");
  const cut = Array(3).fill("cancelled false");
  assert.deepEqual(await Promise.all([run(first, false), run(second, true)]), [whole, cut]);
  assert.deepEqual(await Promise.all([run(first, true), run(second, false)]), [cut, whole]);
  const reports = await Promise.all([first, second].map((page) => page.evaluate(() => engine.report())));
  assert.deepEqual(reports.map(({ tabs, models }) => [tabs, models.map(([slot]) => slot)]), Array(2).fill([2, ["builtin"]]));
});

test("when the tab that runs the engine is closed, an answer in the other one goes on to the same end", { timeout: 90_000 }, async () => {
  const [first, second] = await two();
  const expected = await second.evaluate(async () => (await model.generate(long).result).answers);
  const running = second.evaluate(async () => {
    const generation = model.generate(long);
    const streamed = [[], [], []];
    for await (const token of generation) {
      streamed[token.sample].push(token.id);
      globalThis.begun = streamed[2].length > 2;
    }
    return { streamed, answers: (await generation.result).answers };
  });
  await second.waitForFunction(() => globalThis.begun);
  const whole = expected.reduce((sum, { tokens }) => sum + tokens.length, 0);
  await first.close();
  const { streamed, answers } = await running;
  assert.deepEqual(answers, expected);
  assert.deepEqual(streamed, expected.map(({ tokens }) => tokens.map(({ id }) => id)), `${whole} tokens, each once`);
  // And a third tab finds the second one's engine.
  const third = await program(await app.tab(second));
  assert.equal((await third.evaluate(() => engine.report())).tabs, 2);
});

test("what only the closed tab had is named in the error", { timeout: 60_000 }, async () => {
  const [first, second] = await two();
  await second.evaluate(async () => {
    const bytes = await (await fetch("/models/builtin.gguf")).arrayBuffer();
    globalThis.mine = await engine.load({ bytes, name: "from my disk" });
    await mine.generate({ messages: "Hi", temperature: 0 }).result;
  });
  await first.close();
  const said = await second.evaluate(() => mine.generate({ messages: "Hi" }).result.then(() => "answered", (error) => error.message));
  assert.match(said, /`from my disk` was closed|no model is loaded as `from my disk`/);
  const { answers } = await second.evaluate(() => model.generate({ messages: "Hi", temperature: 0 }).result);
  assert.ok(answers[0].text);
});

test("a tab that does not move any more is left behind", { timeout: 90_000 }, async () => {
  const [first, second] = await two();
  const worker = first.workers().find((worker) => worker.url().endsWith("engine.js"));
  // As a frozen tab's: its locks stay.
  const frozen = worker.evaluate(() => {
    for (const end = performance.now() + 45_000; performance.now() < end; );
  }).catch(() => {});
  const { answers } = await second.evaluate(() => model.generate({ messages: "Hi", temperature: 0 }).result);
  assert.ok(answers[0].text);
  assert.equal((await second.evaluate(() => engine.report())).tabs, 1);
  await first.close();
  await frozen;
});

test("an engine of a tab's own is shared with nobody", { timeout: 60_000 }, async () => {
  const first = await program(await app.page({ bypassCSP: true, owner: false }), { share: false });
  const second = await program(await app.tab(first), { share: false });
  const reports = await Promise.all([first, second].map((page) => page.evaluate(() => engine.report())));
  assert.deepEqual(reports.map(({ tabs }) => tabs), [1, 1]);
  await first.close();
  await eventually("an answer", () => second.evaluate(async () => (await model.generate({ messages: "Hi" }).result).answers[0].text));
});

test("an engine that stopped says so to what comes after as well", { timeout: 60_000 }, async () => {
  const page = await program(await app.page({ bypassCSP: true, owner: false }), { share: false, threads: false });
  const worker = page.workers().find((worker) => worker.url().includes("engine.js"));
  await worker.evaluate(() => {
    const reason = new WebAssembly.RuntimeError("unreachable");
    self.dispatchEvent(new PromiseRejectionEvent("unhandledrejection", { promise: Promise.resolve(), reason }));
  });
  for (let times = 0; times < 2; times++) {
    const said = await page.evaluate(() => model.generate({ messages: "Hi" }).result.then(() => "answered", (error) => error.message));
    assert.match(said, /^the engine stopped \(unreachable\), .*reload the page$/);
  }
});
