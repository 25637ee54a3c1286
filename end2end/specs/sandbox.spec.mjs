//! The engine in a frame of another site's page that has no origin of its own (`sandbox="allow-scripts"`): no storage, no locks, no worker
//! from an address. As in the frames of crowd-work platforms and course systems.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";
import { clicker, root } from "../fixtures.mjs";
import { host } from "../host.mjs";

const app = clicker();
const other = host();

const OUTER = `<!doctype html><iframe id="inner" sandbox="allow-scripts" src="/inner.html" width="900" height="900"></iframe>`;
const INNER = `<!doctype html><script type="module">
  import { Engine } from "/pkg/client.js";
  const answer = async () => {
    const engine = await Engine.start();
    const model = await engine.load({ url: "/models/builtin.gguf", sha256: "SHA" });
    const options = { messages: "What is the capital of Japan?", temperature: 0, group: 4 };
    const { answers } = await model.generate(options).result;
    engine.close();
    const card = await Engine.probe({ url: "/models/builtin.gguf", promptTokens: 8, newTokens: 8, runs: 3, group: 4 });
    return { origin: self.origin, text: answers[0].text, note: model.note, kept: await Engine.kept(), card };
  };
  globalThis.said = await answer().catch((error) => ({ error: error.message }));
</script>`;

before(async () => {
  const bytes = await readFile(path.join(root, "public/models/builtin.gguf"));
  const inner = INNER.replace("SHA", createHash("sha256").update(bytes).digest("hex"));
  // What any host has to say for a frame without an origin: its files are for everybody.
  Object.assign(other, { pages: { "/outer.html": OUTER, "/inner.html": inner }, headers: { "access-control-allow-origin": "*" } });
});

test("a sandboxed frame answers and measures, keeps nothing and says so", { timeout: 90_000 }, async () => {
  app.tolerate(/^a request to another host: http:\/\/127\.0\.0\.1/);
  app.tolerate(/^404 for .*favicon|favicon/);
  const page = await app.page({ owner: false });
  await page.goto(`${other.url}/outer.html`);
  const frame = page.frames().find((frame) => frame.url().endsWith("/inner.html"));
  await frame.waitForFunction(() => globalThis.said, null, { timeout: 60_000 });
  const said = await frame.evaluate(() => globalThis.said);
  assert.equal(said.error, undefined);
  assert.deepEqual([said.origin, said.text, said.kept], ["null", "Tokyo.", []]);
  assert.match(said.note, /^This browser keeps no files for this page \(a private window or a sandboxed frame/);
  const { card } = said;
  assert.equal(card.runs.length, 3);
  for (const name of ["prefill", "decode", "group"]) {
    assert.ok(card[name].least > 0 && card[name].least <= card[name].median && card[name].median <= card[name].most, name);
  }
  assert.match(card.facts.sha256, /^[0-9a-f]{64}$/);
  assert.match(card.text, /median of 3 \(least to most\); 8 prompt tokens, 8 new ones/);
  assert.match(card.svg, /^<svg /);
});
