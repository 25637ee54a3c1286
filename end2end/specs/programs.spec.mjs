//! What only programs ask of the engine: adapters beside a model, conversations that go on, texts as directions, answers that follow a rule.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { clicker, root } from "../fixtures.mjs";

const app = clicker();

// The client is imported by the test, not by the page: the page's own policy does not apply to it.
async function engine() {
  const page = await app.page({ bypassCSP: true });
  await page.route("**/golden/**", (route) => {
    const file = new URL(route.request().url()).pathname.split("/golden/")[1];
    return route.fulfill({ path: path.join(root, "tests/golden", file) });
  });
  await page.evaluate(async () => {
    const { Engine } = await import("/pkg/client.js");
    globalThis.engine = await Engine.start();
  });
  return page;
}

test("adapters are laid beside a model, scaled, compared in one batch and switched between tokens", { timeout: 60_000 }, async () => {
  const page = await engine();
  const said = await page.evaluate(async () => {
    const model = await engine.load({ url: "/golden/llama-tiny-f32.gguf" });
    const adapter = await model.adapter({ url: "/golden/llama-tiny-lora/", name: "peft" });
    const ask = { messages: "capital", seed: 3, maxTokens: 24, temperature: 1 };
    const draw = async (options) => (await model.generate({ ...ask, ...options }).result).answers;
    const texts = (answers) => answers.map(({ tokens }) => tokens.map(({ id }) => id).join());
    const base = texts(await draw({ group: 2 }));
    const compared = texts(await draw({ group: 2, adapters: [null, adapter, { adapter: "peft", scale: 0.5 }] }));
    const whole = texts(await draw({ group: 2, adapter }));
    const strong = texts(await draw({ group: 2, adapter, scale: 8 }));
    const none = texts(await draw({ group: 2, adapter: "peft", scale: 0 }));
    // How long a change of adapter takes: from asking for the base to the first token of the other.
    const times = [];
    for (let i = 0; i < 9; i++) {
      const start = performance.now();
      for await (const _ of model.generate({ ...ask, maxTokens: 1, adapter: i % 2 ? adapter : "peft", scale: i / 8 })) break;
      times.push(performance.now() - start);
    }
    // While it goes on; the end marker is ruled out and the group is large, so that it does for a while.
    const long = { maxTokens: 200, temperature: 0, group: 64, logitBias: { 5: -1e9 }, adapters: [null] };
    const steered = model.generate({ ...ask, ...long });
    let told, seen = 0;
    for await (const _ of steered) if (++seen === 5 * 64) told = steered.steer({ adapter, scale: 8 });
    await told;
    const turned = texts((await steered.result).answers)[0];
    const straight = texts(await draw(long))[0];
    const late = await steered.steer({ adapter }).catch((error) => error.message);
    const wrong = await engine.load({ url: "/models/builtin.gguf" }).then((other) =>
      other.adapter({ url: "/golden/llama-tiny-lora/" }).catch((error) => error.message));
    await adapter.drop();
    const gone = await draw({ adapter: "peft" }).catch((error) => error.message);
    return { base, compared, whole, strong, none, times, turned, straight, late, wrong, gone, bytes: adapter.bytes, ms: adapter.ms };
  });
  assert.deepEqual(said.compared.slice(0, 2), said.base, "null is the base");
  assert.deepEqual(said.compared.slice(2, 4), said.whole, "alone and in a batch: the same tokens");
  assert.deepEqual(said.none, said.base, "at scale 0 nothing changes");
  assert.notDeepEqual(said.strong, said.base);
  const times = said.times.sort((a, b) => a - b);
  // A figure to read, not one to fail on: the machine may be busy.
  console.log(`adapter of ${said.bytes} bytes laid in ${said.ms.toFixed(1)} ms; another adapter and its first token: median ${times[4].toFixed(1)} ms`);
  const tokens = (text) => text.split(",");
  assert.equal(tokens(said.turned).slice(0, 5).join(), tokens(said.straight).slice(0, 5).join());
  assert.notEqual(said.turned, said.straight, "the rest is the adapter's");
  assert.match(said.late, /have ended/);
  assert.match(said.wrong, /shape|lacks|missing/);
  assert.match(said.gone, /no adapter `peft`/);
});

test("a conversation that goes on computes only what is new, and says what it would have said", { timeout: 60_000 }, async () => {
  const page = await engine();
  const said = await page.evaluate(async () => {
    const load = (name) => engine.load({ url: "/models/builtin.gguf", name });
    const [model, fresh] = [await load("a"), await load("b")];
    const messages = [];
    const turns = [];
    for (const question of ["What is the capital of France?", "And of Japan?", "What is the symbol of iron?"]) {
      messages.push({ role: "user", content: question });
      const options = { messages: [...messages], temperature: 0, maxTokens: 16 };
      const { answers, computed } = await model.generate(options).result;
      // Never asked before: everything is computed.
      await fresh.unload();
      const other = await load("b");
      const scratch = await other.generate(options).result;
      turns.push({ computed, all: scratch.computed, same: JSON.stringify(answers) === JSON.stringify(scratch.answers) });
      messages.push({ role: "assistant", content: answers[0].text });
    }
    return turns;
  });
  assert.ok(said.every((turn) => turn.same), JSON.stringify(said));
  assert.equal(said[0].computed, said[0].all);
  for (const turn of said.slice(1)) assert.ok(turn.computed < turn.all - 8, JSON.stringify(said));
});

test("texts are directions: like is near like", { timeout: 60_000 }, async () => {
  const page = await engine();
  const said = await page.evaluate(async () => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const [a, b, c] = await model.embed(["What is the capital of France?", "What is the capital of Japan?", "12 + 7 ="]);
    const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    return { own: dot(a, a), near: dot(a, b), far: dot(a, c), empty: await model.embed("").then(() => "embedded", (e) => e.message) };
  });
  assert.ok(Math.abs(said.own - 1) < 1e-4, JSON.stringify(said));
  assert.ok(said.near > said.far, JSON.stringify(said));
});

test("answers follow a regular expression or a JSON schema, and keep the model's own log-probabilities", { timeout: 60_000 }, async () => {
  const page = await engine();
  const said = await page.evaluate(async () => {
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const ask = { messages: "What is the capital of France?", group: 4, seed: 5, maxTokens: 48, temperature: 2 };
    const schema = {
      type: "object",
      properties: { answer: { type: "string", maxLength: 12 }, sure: { type: "boolean" }, n: { type: "integer" } },
      required: ["answer", "sure"],
    };
    const say = async (options) => (await model.generate({ ...ask, ...options }).result).answers;
    const json = await say({ schema });
    const years = await say({ regex: /1[89]\d{2}(, 1[89]\d{2})*\.?/ });
    const scored = await model.score({ messages: ask.messages, text: years[0].text });
    const refused = await say({ schema: { type: "object", properties: { a: { type: "string", format: "date" } } } }).catch((e) => e.message);
    return { json: json.map(({ text }) => text), years, scored, refused };
  });
  for (const text of said.json) {
    const value = JSON.parse(text);
    assert.ok(typeof value.answer === "string" && [...value.answer].length <= 12 && typeof value.sure === "boolean", text);
    assert.ok(value.n === undefined || Number.isInteger(value.n), text);
  }
  for (const { text } of said.years) assert.match(text, /^1[89]\d{2}(, 1[89]\d{2})*\.?$/);
  const same = said.years[0].tokens.every(({ id }, i) => said.scored.tokens[i]?.id === id);
  if (same) {
    for (const [i, token] of said.scored.tokens.entries()) {
      assert.ok(Math.abs(token.logprob - said.years[0].tokens[i].logprob) < 1e-3, "the model's own");
    }
  }
  assert.match(said.refused, /`\/properties\/a\/`.*`format`/);
});
