//! One thread against several, in Chromium, in turns: `node measure/threads.mjs ROUNDS THREADS MODEL.gguf...`. Of each model: tokens per second of a
//! prompt of 128, of 64 greedy tokens behind it and of 8 x 64 over one prompt (where one thread is asked for, helpers share that group: `pool.js`), and
//! milliseconds from the browser's cache to the first token of a short prompt; of a model of more than 50 MB half the tokens. Every round starts a new
//! engine of each kind, which measures itself twice; medians of all, their ratio, and least and most. `SITE` names another folder than target/site.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const [rounds, threads, ...files] = process.argv.slice(2);
if (!(Number(rounds) > 0) || !(Number(threads) > 1) || !files.length) throw new Error("usage: node measure/threads.mjs ROUNDS THREADS MODEL.gguf...");
const { url, close } = await serve("<!doctype html><title>threads</title><link rel=icon href=data:,>", files, true);
const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const spread = (values) => `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;
try {
  const page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && console.error(message.text()));
  await page.goto(url);
  console.log(`Chromium ${browser.version()}, ${await page.evaluate(() => `${navigator.hardwareConcurrency} cores, ${crossOriginIsolated ? "" : "not "}isolated`)}`);
  for (const file of files) {
    const bytes = await readFile(file);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const size = bytes.length > 50e6 ? 64 : 128;
    const kinds = [false, Number(threads)];
    const found = new Map(kinds.map((kind) => [kind, { runs: [], loads: [], ids: null, engine: "" }]));
    for (let round = 0; round < Number(rounds); round++) {
      for (const kind of round % 2 ? kinds.toReversed() : kinds) {
        const said = await page.evaluate(
          async ([url, sha256, threads, size]) => {
            const { Engine } = await import("/pkg/client.js");
            const engine = await Engine.start(undefined, { share: false, threads });
            const start = performance.now();
            const model = await engine.load({ url, sha256 });
            const { answers } = await model.generate({ messages: "Hello", maxTokens: 1, temperature: 0 }).result;
            const load = model.cached ? performance.now() - start : null;
            const longer = (await model.generate({ messages: "Hello", maxTokens: 24, group: 3, seed: 5 }).result).answers;
            engine.close();
            const { runs, facts } = await Engine.probe({ url, sha256, threads, runs: 2, promptTokens: size, newTokens: size / 2, group: 8 });
            return { load, runs, engine: facts.engine, ids: JSON.stringify([answers, longer]) };
          },
          [`/models/${path.basename(file)}`, sha256, kind, size],
        );
        const all = found.get(kind);
        all.runs.push(...said.runs);
        if (said.load !== null) all.loads.push(said.load);
        Object.assign(all, { ids: said.ids, engine: said.engine });
      }
    }
    const [one, several] = kinds.map((kind) => found.get(kind));
    console.log(`${path.basename(file)}: ${one.engine} | ${several.engine}; ${one.ids === several.ids ? "the same answers, bit for bit" : "OTHER ANSWERS"}`);
    for (const [i, name] of ["prefill", "decode", "group of 8"].entries()) {
      const [a, b] = [one, several].map(({ runs }) => runs.map((run) => run[i]));
      console.log(`  ${name.padEnd(12)} ${spread(a)} | ${spread(b)} tokens/s, x${(median(b) / median(a)).toFixed(2)}, best x${(Math.max(...b) / Math.max(...a)).toFixed(2)}`);
    }
    if (one.loads.length && several.loads.length) console.log(`  first token  ${spread(one.loads)} | ${spread(several.loads)} ms after the load began`);
  }
} finally {
  await browser.close();
  close();
}
