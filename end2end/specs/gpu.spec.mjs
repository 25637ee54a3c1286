//! The graphics card: WebGPU's results against the engine's own, in every format and family, and how one gives way to the other. There is no
//! card here, only Chromium's software adapter: this shows that the kernels compute the right thing, and nothing of their speed.
//! Where not even that is there, what has to be said instead is what is tested; so does bench.spec.mjs in a browser without WebGPU.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { formats, gguf } from "../gguf.mjs";
import { clicker, root } from "../fixtures.mjs";

const app = clicker(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]);
const QUESTION = "What is the capital of France?";

// The client is imported by the test, not by the page: the page's own policy does not apply to it.
async function engine() {
  const page = await app.page({ bypassCSP: true });
  await page.evaluate(async () => {
    const { Engine } = await import("/pkg/client.js");
    globalThis.engine = await Engine.start();
  });
  return page;
}

/// Whether this browser has an adapter, even one of software; says which of the two is tested.
async function adapter(page) {
  const name = await page.evaluate(async () => (await navigator.gpu?.requestAdapter())?.info.architecture ?? null);
  console.log(name === null ? "no WebGPU adapter in this browser: only the refusal is tested" : `WebGPU adapter: ${name}`);
  return name !== null;
}

/// What a browser without an adapter has to say.
async function refused(page) {
  const said = await page.evaluate(async () => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    return model.useGpu().then(() => "accepted", (error) => error.message);
  });
  assert.match(said, /the graphics card cannot be used: .*; the processor goes on/);
}

test("the card's answers are the processor's: greedy, in groups, and after switching back", { timeout: 240_000 }, async () => {
  const page = await engine();
  if (!(await adapter(page))) return refused(page);
  const said = await page.evaluate(async (messages) => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const draw = async (options) => (await model.generate({ messages, maxTokens: 5, ...options }).result).answers;
    const all = async () => ({ greedy: await draw({ temperature: 0 }), group: await draw({ group: 4, seed: 11, temperature: 1 }) });
    const ours = await all();
    const note = await model.useGpu();
    const card = await all();
    const again = await draw({ group: 4, seed: 11, temperature: 1 });
    const rule = await draw({ temperature: 1, seed: 3, regex: "[A-C]{3}" });
    await model.useCpu();
    return { ours, note, card, again, rule, back: await all() };
  }, QUESTION);
  console.log(said.note);
  assert.match(said.note, /^the graphics card \(.*software adapter\) computes this model: .* within [\d.e-]+ % of the processor's/);
  const ids = ({ tokens }) => tokens.map(({ id }) => id);
  assert.equal(said.card.greedy[0].text, "Paris.");
  assert.deepEqual(ids(said.card.greedy[0]), ids(said.ours.greedy[0]));
  // A draw may fall to either side where the two differ by as much as the engine rounds; what comes before is the same.
  let same = 0;
  for (const [i, answer] of said.card.group.entries()) {
    for (const [t, token] of answer.tokens.entries()) {
      const theirs = said.ours.group[i].tokens[t];
      if (token.id !== theirs?.id) break;
      same++;
      assert.ok(Math.abs(token.logprob - theirs.logprob) < 0.3, `sample ${i}, token ${t}: ${token.logprob} and ${theirs.logprob}`);
      assert.ok(Math.abs(token.entropy - theirs.entropy) < 0.3);
    }
  }
  assert.ok(same >= 6, `${same} tokens of the group are the same`);
  assert.deepEqual(said.again, said.card.group, "the same seed on the same card");
  assert.ok(said.rule.every(({ text }) => /^[A-C]{3}$/.test(text)), "constraints hold whoever computes");
  assert.deepEqual(said.back, said.ours, "the processor's bits again");
});

test("every format and family passes the comparison", { timeout: 240_000 }, async () => {
  const page = await engine();
  if (!(await adapter(page))) return refused(page);
  const tokenizer = await readFile(path.join(root, "tests/golden/llama-tiny/tokenizer.json"), "utf8");
  const models = new Map();
  formats.forEach((format, i) => {
    const family = ["llama", "qwen2", "qwen3"][i % 3];
    models.set(`${family}-${format}`, { family, format, tied: i % 2 === 1 });
  });
  models.set("llama-mixed", { family: "llama", format: ["Q4_K", "Q6_K", "F16"], headDim: 128, heads: 2, kvHeads: 1 });
  models.set("qwen2-mixed", { family: "qwen2", format: ["Q8_0", "Q4_0"], headDim: 32, heads: 9, kvHeads: 3, layers: 2, vocab: 333 });
  // Floats, where only the order of sums may differ: a frequency that is off shows.
  models.set("linear-F32", { family: "qwen2", format: "F32", stretch: { linear: 4 } });
  models.set("llama3-F32", { family: "llama", format: "F32", stretch: { llama3: { factor: 32 } }, base: 500_000, context: 16_384 });
  models.set("qwen3-mixed", { family: "qwen3", format: ["Q6_K", "Q4_K"], headDim: 96, heads: 8, kvHeads: 4, layers: 2 });
  await page.route("**/noise/*.gguf", (route) => {
    const name = path.basename(new URL(route.request().url()).pathname, ".gguf");
    return route.fulfill({ body: gguf({ tokenizer, ...models.get(name) }), contentType: "application/octet-stream" });
  });
  const said = await page.evaluate(async (names) => {
    const said = [];
    for (const name of names) {
      const model = await engine.load({ url: `/noise/${name}.gguf`, name });
      const note = await model.useGpu().catch((error) => `refused: ${error.message}`);
      // Longer than a piece, so that the prompt is computed in several, where every matrix has a format of its own.
      const messages = /mixed|linear|llama3/.test(name) ? "a b c d e f g h ".repeat(5) : "a b";
      const first = async () => (await model.generate({ messages, temperature: 0, maxTokens: 1, alternatives: 3 }).result).answers[0].tokens[0];
      const card = await first();
      await model.useCpu();
      said.push({ name, note, card, ours: await first() });
      await model.unload();
    }
    return said;
  }, [...models.keys()]);
  for (const { name, note, card, ours } of said) {
    const share = Number(/within ([\d.e-]+) %/.exec(note)?.[1]);
    console.log(`${name}: ${share} %; ln p ${card.logprob.toFixed(4)} and ${ours.logprob.toFixed(4)}`);
    // Where the engine does not round activations either, only the order of sums differs.
    const exact = /-(F32|F16|BF16)$/.test(name);
    assert.ok(share <= (exact ? 0.01 : 5), `${name}: ${note}`);
    assert.ok(Math.abs(card.logprob - ours.logprob) < (exact ? 1e-3 : 0.3), `${name}: ${card.logprob} and ${ours.logprob}`);
  }
});

test("a card that computes something else is refused with the figures", async () => {
  const page = await app.page({ bypassCSP: true });
  const said = await page.evaluate(async () => {
    const { compared } = await import("/pkg/compared.js");
    const row = (...logits) => Float32Array.from(logits);
    const against = (ours, theirs) => {
      try {
        return compared([theirs, ours], [theirs, theirs]).share;
      } catch (error) {
        return error.message;
      }
    };
    const theirs = row(1, 10, -4, 9.9);
    return {
      same: against(theirs, theirs),
      // Within what the engine rounds, and either of two that are as close as that may be the likeliest.
      near: against(row(1.2, 9.9, -4.4, 10), theirs),
      far: against(row(1, 10, -4.6, 9.9), theirs),
      other: against(row(1, 9.7, -4, 9.6), row(1, 9.3, -4, 10)),
      none: against(row(1, NaN, -4, 9.9), theirs),
      less: against(row(1, 10, -4), theirs),
    };
  });
  assert.equal(said.same, 0);
  assert.ok(Math.abs(said.near - 0.04) < 1e-6, said.near);
  assert.match(said.far, /^its logits are off by 6\.0 % of the largest after 1 known steps, and 5\.0 % are allowed; the processor goes on$/);
  assert.match(said.other, /^its likeliest token after 1 known steps is 1, the processor's is 3;/);
  assert.match(said.none, /off by Infinity %/);
  assert.match(said.less, /off by Infinity %/);
});

test("an abort ends the card's answers at the next token, and a model without an address stays with the processor", { timeout: 240_000 }, async () => {
  const page = await engine();
  if (!(await adapter(page))) return refused(page);
  const said = await page.evaluate(async (messages) => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const end = (await model.generate({ messages, temperature: 0 }).result).answers[0].tokens.at(-1).id;
    await model.useGpu();
    const controller = new AbortController();
    const long = { messages, group: 2, maxTokens: 100, logitBias: { [end]: -1e9 } };
    const generation = model.generate({ ...long, signal: controller.signal });
    let seen = 0;
    for await (const _ of generation) if (++seen === 6) controller.abort();
    const stopped = (await generation.result).answers.map(({ stop, tokens }) => ({ stop, n: tokens.length }));
    const after = (await model.generate({ messages, temperature: 0 }).result).answers[0].text;
    const bytes = await (await fetch("/models/builtin.gguf")).arrayBuffer();
    const attached = await engine.load({ bytes, name: "attached" });
    const refused = await attached.useGpu().catch((error) => error.message);
    return { stopped, after, refused };
  }, QUESTION);
  assert.ok(said.stopped.every(({ stop, n }) => stop === "cancelled" && n >= 3 && n < 20), JSON.stringify(said.stopped));
  assert.equal(said.after, "Paris.");
  assert.match(said.refused, /no address|has an address/);
});

/// Devices of the engine's worker, and what shall go wrong with them, within a test's reach.
async function watched(page) {
  const worker = page.workers().find((worker) => worker.url().includes("engine.js"));
  await worker.evaluate(() => {
    const ask = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...how) {
      return (self.device = await ask.apply(this, how));
    };
    const make = GPUDevice.prototype.createBuffer;
    GPUDevice.prototype.createBuffer = function (...how) {
      if (self.full) this.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUOutOfMemoryError("no room left") }));
      return make.apply(this, how);
    };
  });
  await page.exposeFunction("lose", () => worker.evaluate(() => self.device.destroy()));
  await page.exposeFunction("fill", (full) => worker.evaluate((full) => void (self.full = full), full));
  return worker;
}

test("a card that is lost in the middle of answers: the processor goes on from the last tokens, and the card can be asked again", { timeout: 240_000 }, async () => {
  const page = await engine();
  if (!(await adapter(page))) return refused(page);
  await watched(page);
  const said = await page.evaluate(async (messages) => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const greedy = async () => (await model.generate({ messages, temperature: 0 }).result).answers;
    const ours = await greedy();
    const end = ours[0].tokens.at(-1).id;
    // Rows of different lengths: one ends with its stop text before the card is lost, two go on.
    const long = { messages, group: 3, seed: 2, temperature: 0.7, maxTokens: 40, logitBias: { [end]: -1e9 } };
    const draw = async (onToken = () => {}) => {
      const generation = model.generate(long);
      for await (const token of generation) await onToken(token);
      return (await generation.result).answers;
    };
    const processor = await draw();
    const first = await model.useGpu();
    const before = (await engine.report()).graphics;
    let seen = 0;
    const lost = await draw(() => (++seen === 36 ? lose() : undefined));
    const after = (await engine.report()).graphics;
    const next = await greedy();
    const again = await model.useGpu();
    const back = { note: (await engine.report()).graphics, greedy: await greedy() };
    // Between two requests.
    await lose();
    const idle = await greedy();
    const last = (await engine.report()).graphics;
    await model.useGpu();
    await model.useCpu();
    return { ours, processor, first, before, lost, after, next, again, back, idle, last, none: (await engine.report()).graphics };
  }, QUESTION);
  assert.deepEqual(said.before, [["/models/builtin.gguf", said.first]]);
  const gone = /^the graphics card was lost \([^;]+[^.;]\); the processor computes this model$/;
  assert.match(said.after[0][1], gone);
  // What the processor computes has its bits, whoever computed the tokens before: so it is known who computed which token.
  let card = 0;
  let processor = 0;
  for (const [i, answer] of said.lost.entries()) {
    assert.deepEqual([answer.stop, answer.tokens.length], ["length", 40], `answer ${i}`);
    const ids = ({ tokens }) => tokens.map(({ id }) => id);
    assert.deepEqual(ids(answer), ids(said.processor[i]), `answer ${i}`);
    const by = answer.tokens.map((token, t) => token.logprob === said.processor[i].tokens[t].logprob);
    const turn = by.lastIndexOf(false) + 1;
    card += turn;
    processor += 40 - turn;
  }
  console.log(`${card} tokens by the card until it was lost, ${processor} by the processor`);
  // Fewer than the 36 where the card's last figures are the processor's by chance.
  assert.ok(card >= 15 && processor >= 60, `${card} and ${processor}`);
  assert.deepEqual(said.next, said.ours, "the next request is the processor's");
  assert.match(said.again, /computes this model/);
  assert.deepEqual(said.back.note, [["/models/builtin.gguf", said.again]]);
  assert.equal(said.back.greedy[0].text, "Paris.");
  assert.deepEqual(said.idle, said.ours, "a card that was lost between two requests is not missed");
  assert.match(said.last[0][1], gone);
  assert.deepEqual(said.none, []);
});

test("a card without room is refused, and one that runs out of it is left to the processor", { timeout: 240_000 }, async () => {
  const page = await engine();
  if (!(await adapter(page))) return refused(page);
  const worker = await watched(page);
  const said = await page.evaluate(async (messages) => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const refusal = () => model.useGpu().then(() => "accepted", (error) => error.message);
    const greedy = async () => (await model.generate({ messages, temperature: 0 }).result).answers;
    const ours = await greedy();
    await fill(true);
    const loading = await refusal();
    await fill(false);
    await model.useGpu();
    await fill(true);
    // Keys and values of the answers have no room.
    const answers = await greedy();
    const report = (await engine.report()).graphics;
    await fill(false);
    return { ours, loading, answers, report };
  }, QUESTION);
  assert.match(said.loading, /^the graphics card has no memory left$/);
  assert.deepEqual(said.answers, said.ours, "the processor computes what the card had no room for");
  assert.match(said.report[0][1], /^the graphics card has no memory left; the processor computes this model$/);
  await worker.evaluate(() => Object.defineProperty(GPUSupportedLimits.prototype, "maxStorageBufferBindingSize", { get: () => 1 << 17 }));
  const small = await page.evaluate(async () => {
    const model = await engine.load({ url: "/models/builtin.gguf", name: "again" });
    const refusal = await model.useGpu().catch((error) => error.message);
    return { refusal, text: (await model.generate({ messages: "What is the capital of Japan?", temperature: 0 }).result).answers[0].text };
  });
  assert.match(small.refusal, /takes [\d.]+ MB and this graphics card gives 0\.1 MB at a time; use a smaller model/);
  assert.equal(small.text, "Tokyo.");
});

test("the bench page measures the card and names it", { timeout: 240_000 }, async () => {
  const page = await app.page();
  await page.goto(`${app.url}/bench?prompt=8&new=4&runs=1&group=2`);
  const panel = page.getByTestId("graphics");
  if (!(await adapter(page))) {
    await panel.getByText("Not available").waitFor();
    return;
  }
  await panel.getByRole("button", { name: "Measure on the graphics card" }).click();
  const text = await panel.locator("pre").innerText({ timeout: 90_000 });
  assert.match(text, /^clicker [\d.]+, on the graphics card \(.*software adapter\)$/m);
  assert.match(await panel.getByRole("status").first().innerText(), /within [\d.e-]+ % of the processor's/);
});
