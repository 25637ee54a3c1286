//! A real model on a small phone, by hand: `node measure/phone.mjs MODEL.gguf [CPU share]`. A phone's screen, a device that says it has 4 GB, 2 cores, a part of
//! this machine's processor for the whole browser (a cgroup, where root may make one; else only the page's own thread is
//! slowed) and 1.5 GB of memory for it. Prints what the browser's figures are while it loads and answers: bytes, tokens per second, and
//! the time between two frames of the page, whose text grows and whose bar moves all the while.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const [file, share = "0.5"] = process.argv.slice(2);
if (!file) throw new Error("usage: node measure/phone.mjs MODEL.gguf [CPU share of each core, 0 to 1]");
const MEMORY = 1.5 * 2 ** 30;

const PAGE = `<!doctype html><meta name="viewport" content="width=device-width"><style>
  @keyframes move { to { transform: translateX(300px) } }
  #bar { width: 40px; height: 8px; background: teal; animation: move 1s linear infinite alternate }
  #log { height: 500px; overflow: auto; white-space: pre-wrap }</style>
<div id="bar"></div><div id="log"></div><script type="module">
  import { Engine } from "/pkg/client.js";
  Object.assign(globalThis, { Engine, frames: [] });
  let last = performance.now();
  requestAnimationFrame(function frame(now) { frames.push(now - last); last = now; requestAnimationFrame(frame); });
</script>`;

const { url, close: endServer } = await serve(PAGE, [file]);

/** Short: a longer pause would be seen as a stutter that a slower processor does not have. */
const PERIOD_US = 4_000;

/** Groups that hold a process to limits, below this process's own, under either version of cgroups; empty where this user may make none. */
async function limitsOf() {
  const own = (await readFile("/proc/self/cgroup", "utf8").catch(() => "")).trim().split("\n").map((line) => line.split(":"));
  const below = (controller) => {
    const [, , group] = own.find(([, names]) => names.split(",").includes(controller)) ?? [];
    return group && path.join("/sys/fs/cgroup", controller, group, "clicker-phone");
  };
  const quota = Math.round(2 * Number(share) * PERIOD_US);
  const one = existsSync("/sys/fs/cgroup/cpu")
    ? [
        [below("cpu"), { "cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": quota }],
        [below("memory"), { "memory.limit_in_bytes": MEMORY }, "memory.max_usage_in_bytes"],
      ]
    : [[below(""), { "cpu.max": `${quota} ${PERIOD_US}`, "memory.max": MEMORY }, "memory.peak"]];
  try {
    for (const [group, values] of one) {
      await mkdir(group, { recursive: true });
      for (const [name, value] of Object.entries(values)) await writeFile(`${group}/${name}`, String(value));
    }
    return one.map(([group, , peak]) => ({ group, peak: peak && `${group}/${peak}` }));
  } catch (error) {
    console.error(`no limits on the whole browser: ${error.message}`);
    return [];
  }
}

/** A browser within limits. */
async function browser() {
  const groups = await limitsOf();
  const port = 9300 + (process.pid % 500);
  const enter = groups.map(({ group }) => `echo $$ > ${group}/cgroup.procs; `).join("");
  const args = `--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --remote-debugging-port=${port} --user-data-dir=$(mktemp -d) about:blank`;
  const child = spawn("sh", ["-c", `${enter}exec ${process.env.CHROME ?? "/usr/bin/chromium"} ${args}`], { stdio: "ignore", detached: true });
  for (let tries = 0; ; tries++) {
    const it = await chromium.connectOverCDP(`http://127.0.0.1:${port}`).catch(() => null);
    if (it) {
      const close = async () => {
        await it.close();
        process.kill(-child.pid, "SIGKILL");
        await new Promise((resolve) => setTimeout(resolve, 500));
        for (const { group } of groups) await rmdir(group).catch(() => {});
      };
      const peak = async () => Number(await readFile(groups.find(({ peak }) => peak)?.peak ?? "", "utf8").catch(() => NaN));
      const limits = groups.length ? `${share} of each of two cores and ${MEMORY / 2 ** 30} GB for the whole browser` : "the page's thread at a quarter of its speed";
      return { it, limits, close, peak, limited: groups.length > 0 };
    }
    if (tries > 100) throw new Error("the browser did not come up");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const { it, limits, close, peak, limited } = await browser();
try {
  const context = await it.newContext({ viewport: { width: 412, height: 915 }, deviceScaleFactor: 2.6, isMobile: true, hasTouch: true });
  const page = await context.newPage();
  // What a 4 GB phone says of itself; in the worker too, where no command reaches.
  await page.route("**/pkg/store.js", async (route) => {
    const response = await route.fetch();
    const says = `Object.defineProperty(navigator, "deviceMemory", { value: 4 });`;
    await route.fulfill({ response, body: `${says}\n${await response.text()}` });
  });
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setHardwareConcurrencyOverride", { hardwareConcurrency: 2 });
  if (!limited) await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.goto(url);
  await page.waitForFunction(() => globalThis.Engine && frames.length > 60, null, { timeout: 60_000 });
  const sha256 = createHash("sha256").update(await readFile(file)).digest("hex");
  const figures = await page.evaluate(async ([sha256, address]) => {
    const taken = () => {
      const sorted = frames.splice(0).sort((a, b) => a - b);
      const at = (q) => Math.round(10 * sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]) / 10;
      const over = sorted.filter((ms) => ms > 25).length;
      return { frames: sorted.length, median_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99), most_ms: at(1), late: over };
    };
    const out = { idle: taken() };
    const engine = await Engine.start();
    const ask = async (name, options) => {
      const start = performance.now();
      const generation = model.generate(options);
      let first, count = 0;
      for await (const { text } of generation) {
        first ??= performance.now() - start;
        count++;
        log.append(text);
        log.scrollTop = log.scrollHeight;
      }
      const s = (performance.now() - start - first) / 1000;
      out[name] = { first_token_ms: Math.round(first), tokens: count, tokens_per_s: Math.round((10 * count) / s) / 10, ...taken() };
    };
    const log = document.getElementById("log");
    let model, note;
    for (const name of ["download", "from cache"]) {
      const start = performance.now();
      model = await engine.load({ url: address, sha256, name, onProgress: (progress) => (note ??= progress.note) });
      out[name] = { ms: Math.round(performance.now() - start), cached: model.cached, ...taken() };
      if (name === "download") await model.unload();
    }
    out.note = note;
    await ask("one answer", { messages: "Tell me of the sea.", maxTokens: 64, seed: 1 });
    await ask("group of 4", { messages: "Tell me of the sea.", maxTokens: 32, seed: 1, group: 4 });
    out.report = await engine.report();
    return out;
  }, [sha256, `/models/${path.basename(file)}`]);
  console.log(JSON.stringify({ file: path.basename(file), limits, browser: it.version(), ...figures, peak_bytes: await peak() }, null, 1));
} finally {
  await close();
  endServer();
}
