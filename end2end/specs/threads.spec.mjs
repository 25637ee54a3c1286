//! The engine on several threads: used where the page may share memory, the same answers as on one, and one with the reason where it may not or where
//! something is wrong. Where this site has no such build, its sentence is what is tested.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { clicker, eventually, root } from "../fixtures.mjs";
import { host, site } from "../host.mjs";

const app = clicker();
const built = existsSync(path.join(site, "pkg/threads.js"));
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

const sha256 = createHash("sha256").update(await readFile(path.join(root, "public/models/builtin.gguf"))).digest("hex");

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
    assert.equal(said.build, "wasm relaxed simd128, one thread (built without threads)");
    assert.equal(said.drawn.greedy[0].text, "Tokyo.");
  });
} else {
  test("two and three threads give the bits that one gives", { timeout: 90_000 }, async () => {
    const page = await own();
    const one = await answers(page, false);
    assert.equal(one.build, "wasm relaxed simd128, one thread (as asked)");
    assert.equal(one.drawn.greedy[0].text, "Tokyo.");
    for (const threads of [2, 3]) {
      const said = await answers(page, threads);
      assert.equal(said.first, `wasm relaxed simd128, ${threads} threads`);
      assert.match(said.build, new RegExp(`^wasm relaxed simd128, ${threads} threads, \\d+\\.\\d times as fast as one in the probe$`));
      assert.equal(said.workers, 1, "who asks for so many threads gets these alone");
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
    const probed = /^wasm relaxed simd128, (\d threads, \d+\.\d times as fast as one in the probe|one thread \(\d were \d+\.\d times as fast as one in the probe\))$/;
    assert.match(build, cores > 1 ? probed : /one thread \(there is one core\)$/);
  });

  /** A page of the other host that has the built-in model under its hash, and `threads.js` with something replaced. */
  async function keeping(replaced, by) {
    const asked = [];
    const page = await elsewhere(ISOLATED, (name, body) => {
      asked.push(name);
      return name === "/pkg/threads.js" ? String(body).replaceAll(replaced, by) : body;
    });
    await page.evaluate((sha256) => {
      globalThis.load = async (threads) => {
        const engine = await Engine.start(undefined, { share: false, threads });
        return { engine, model: await engine.load({ url: "/models/builtin.gguf", sha256 }) };
      };
    }, sha256);
    return { page, asked };
  }

  for (const [well, together] of [["0", true], ["Infinity", false]]) {
    test(`a group is ${together ? "left to the threads" : "shared among workers"} where they do ${together ? "well" : "less"}, with the same bits`, { timeout: 90_000 }, async () => {
      const { page, asked } = await keeping("const WELL = 0.8;", `const WELL = ${well};`);
      const said = await page.evaluate(async () => {
        const draw = async (model) => (await model.generate({ messages: "What is the capital of Atlantis?", group: 8, seed: 3, maxTokens: 24 }).result).answers;
        const { engine, model } = await load(undefined);
        const drawn = [];
        let report;
        // Helpers begin with the group behind the one that called for them.
        for (let i = 0; i < 200 && !(report?.workers > 1 && drawn.length > 3); i++) {
          drawn.push(JSON.stringify(await draw(model)));
          report = await engine.report();
        }
        engine.close();
        const alone = await load(false);
        const expected = JSON.stringify(await draw(alone.model));
        alone.engine.close();
        return { workers: report.workers, same: drawn.every((answers) => answers === expected) };
      });
      assert.deepEqual(said, { workers: together ? 1 : 2, same: true });
      // The engine with one thread was fetched by the last engine, and by a helper before.
      assert.equal(asked.filter((name) => name === "/pkg/worker-relaxed_bg.wasm").length, together ? 1 : 2);
    });
  }

  test("a probe is believed by later loads under the same conditions, for a week", { timeout: 90_000 }, async () => {
    // Whether threads gain anything here is not what is tested.
    const { page } = await keeping("gain > 1", "gain > 0");
    const build = (threads) =>
      page.evaluate(
        async ([threads, name]) => {
          const { engine } = await load(threads);
          const { build } = await engine.report();
          // Nobody waits for the note but this test.
          const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("clicker-weights");
          let kept = "";
          for (let i = 0; !kept && i < 300; i++) {
            // It may be written just now.
            const read = async () => (await (await folder.getFileHandle(name)).getFile()).text();
            kept = await read().catch(() => "");
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
          engine.close();
          return { build, kept };
        },
        [threads, `${sha256}.probe`],
      );
    const note = (text) =>
      page.evaluate(
        async ([name, text]) => {
          const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("clicker-weights");
          const file = await (await folder.getFileHandle(name)).createWritable();
          await file.write(text);
          await file.close();
        },
        [`${sha256}.probe`, text],
      );
    const fresh = /^wasm relaxed simd128, [23] threads, \d+\.\d times as fast as one in the probe$/;
    const first = await build(2);
    assert.match(first.build, fresh);
    const record = JSON.parse(first.kept);
    assert.ok(record.gain > 0, first.kept);
    await note(JSON.stringify({ ...record, gain: 7 }));
    assert.equal((await build(2)).build, "wasm relaxed simd128, 2 threads, 7.0 times as fast as one in an earlier probe");
    assert.match((await build(3)).build, fresh, "another number of threads");
    for (const change of [{ at: Date.now() - 8 * 24 * 3600e3 }, { at: Date.now() + 3600e3 }, { gain: "much" }, { conditions: "" }]) {
      await note(JSON.stringify({ ...record, ...change }));
      assert.match((await build(2)).build, fresh, JSON.stringify(change));
    }
    await note("no JSON");
    assert.match((await build(2)).build, fresh, "a broken note");
  });

  test("a page that may not share memory has one thread, and its card says why", { timeout: 60_000 }, async () => {
    const page = await elsewhere({});
    const said = await answers(page, 2);
    assert.equal(said.build, "wasm relaxed simd128, one thread (the page is not cross-origin isolated)");
    assert.equal(said.drawn.greedy[0].text, "Tokyo.");
    const card = await page.evaluate(() => Engine.probe({ url: "/models/builtin.gguf", promptTokens: 8, newTokens: 8, runs: 1, group: 2 }));
    assert.match(card.text, /one thread \(the page is not cross-origin isolated\)/);
    assert.match(card.text, /\nnot cross-origin isolated; /);
  });

  test("a card says with how many threads it was measured", { timeout: 60_000 }, async () => {
    const page = await elsewhere(ISOLATED);
    const card = await page.evaluate(() => Engine.probe({ url: "/models/builtin.gguf", promptTokens: 8, newTokens: 8, runs: 1, group: 4, threads: 2 }));
    assert.match(card.text, /wasm relaxed simd128, 2 threads, \d+\.\d times as fast as one in the probe\n/);
    assert.match(card.text, /\ncross-origin isolated; /);
  });

  test("a thread that does not start leaves an engine with one", { timeout: 60_000 }, async () => {
    // The engine's worker asks for the file first, then its members.
    let asked = 0;
    const broken = (name, body) => (name === "/pkg/threads.js" && asked++ ? "throw new Error('as asked');" : body);
    const page = await elsewhere(ISOLATED, broken);
    const said = await answers(page, 2);
    assert.ok(asked > 1);
    assert.match(said.build, /^wasm relaxed simd128, one thread \(a thread did not start: .*as asked\)$/);
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

  for (const share of [false, true]) test(`where the engine with threads stops${share ? ", for all tabs" : ""}, one with a single thread goes on where it was`, { timeout: 90_000 }, async () => {
    const page = await own();
    const said = await page.evaluate(async (share) => {
      const options = { messages: "What is the capital of Atlantis?", group: 3, seed: 3, maxTokens: 60 };
      const alone = await Engine.start(undefined, { share: false, threads: false });
      const expected = (await (await alone.load({ url: "/models/builtin.gguf" })).generate(options).result).answers;
      alone.close();
      globalThis.engine = await Engine.start(undefined, { share, threads: 2 });
      globalThis.model = await engine.load({ url: "/models/builtin.gguf" });
      globalThis.going = model.generate(options);
      globalThis.expected = expected;
      return engine.build;
    }, share);
    assert.equal(said, "wasm relaxed simd128, 2 threads");
    const worker = page.workers().find((worker) => worker.url().includes("threads=2"));
    await worker.evaluate(() => {
      const reason = new WebAssembly.RuntimeError("as asked");
      self.dispatchEvent(new PromiseRejectionEvent("unhandledrejection", { promise: Promise.resolve(), reason }));
    });
    const behind = await page.evaluate(async () => {
      const counts = new Map();
      for await (const { sample } of going) counts.set(sample, (counts.get(sample) ?? 0) + 1);
      const { answers } = await going.result;
      const later = (await model.generate({ messages: "What is the capital of Japan?", temperature: 0 }).result).answers[0].text;
      const { build } = await engine.report();
      return { same: JSON.stringify(answers) === JSON.stringify(expected), once: answers.every(({ tokens }, i) => counts.get(i) === tokens.length), later, build };
    });
    assert.deepEqual(behind, { same: true, once: true, later: "Tokyo.", build: "wasm relaxed simd128, one thread (the engine with several stopped: as asked)" });
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
