//! The engine in Chromium by hand, as a visitor's tab runs it: `node measure/engine.mjs RUNS MODEL.gguf...`. Of each model: tokens per second of one
//! stream and of 8 streams of 64 tokens over one prompt through `generate`, with every token's log-probability (a group is shared among workers), and
//! milliseconds from the browser's cache to the first token of a short prompt, each time in a new engine. Prints medians and all values. `SITE`
//! names another folder than target/site; with `PRIVATE=1` the window is a private one, whose files lie in the memory of another process.

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const [runs, ...files] = process.argv.slice(2);
if (!(Number(runs) > 0) || !files.length) throw new Error("usage: node measure/engine.mjs RUNS MODEL.gguf...");
const { url, close } = await serve("<!doctype html><title>engine</title>", files);
const options = { executablePath: process.env.CHROME ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] };
const profile = await mkdtemp(path.join(tmpdir(), "clicker-measure-"));
const browser = process.env.PRIVATE ? await chromium.launch(options) : await chromium.launchPersistentContext(profile, options);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const said = (values, digits = 0) => `${median(values).toFixed(digits)} (${values.map((value) => value.toFixed(digits)).join(", ")})`;
try {
  const page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && console.error(message.text()));
  await page.goto(url);
  console.log(`${await page.evaluate(() => navigator.userAgent)}${process.env.PRIVATE ? ", a private window" : ""}`);
  for (const file of files) {
    const sha256 = createHash("sha256").update(await readFile(file)).digest("hex");
    const name = path.basename(file);
    const found = await page.evaluate(
      async ([url, sha256, runs]) => {
        const { Engine } = await import("/pkg/client.js");
        const out = { loads: [], alone: [], shared: [] };
        let engine, model;
        for (let i = 0; i <= runs; i++) {
          engine?.close();
          engine = await Engine.start(undefined, { share: false });
          const start = performance.now();
          model = await engine.load({ url, sha256 });
          const loaded = performance.now() - start;
          await model.generate({ messages: "Hello", maxTokens: 1, temperature: 0 }).result;
          // The first one came over the network.
          if (model.cached) out.loads.push([loaded, performance.now() - start]);
        }
        const rate = async (group) => {
          let first, last, tokens = 0;
          const start = performance.now();
          for await (const token of model.generate({ messages: "Hello", group, maxTokens: 64, seed: 1 })) {
            last = performance.now();
            first ??= last;
            tokens += token.logprob !== undefined;
          }
          return { rate: ((tokens - group) / (last - first)) * 1000, ms: last - start };
        };
        for (const [into, group] of [["alone", 1], ["shared", 8]]) {
          for (let i = 0; i < runs + 2; i++) {
            const { rate: found } = await rate(group);
            // Two to warm up: helpers begin with the second group.
            if (i > 1) out[into].push(found);
          }
        }
        out.report = await engine.report();
        engine.close();
        const { data } = await Engine.probe({ url, sha256, runs, promptTokens: 128, newTokens: 64, group: 8 });
        return out;
      },
      [`/models/${name}`, sha256, Number(runs)],
    );
    console.log(name);
    console.log(`  one stream with log-probabilities ${said(found.alone)}, 8 x 64 ${said(found.shared)} tokens/s, ratio ${(median(found.shared) / median(found.alone)).toFixed(2)}`);
    console.log(`  from the cache: loaded after ${said(found.loads.map(([ms]) => ms))} ms, first token after ${said(found.loads.map(([, ms]) => ms))} ms`);
    console.log(`  ${JSON.stringify(found.report)}`);
  }
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
  close();
}
