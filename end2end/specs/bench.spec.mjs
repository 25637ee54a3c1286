//! The bench page measures any GGUF by address and leaves its figures as JSON.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { clicker, eventually, root } from "../fixtures.mjs";

const app = clicker();

test("figures appear as a table and as JSON", async () => {
  const page = await app.page();
  const model = `${app.url}/models/builtin.gguf`;
  await page.goto(`${app.url}/bench?threads=0&prompt=8&new=8&runs=2&group=4&model=${encodeURIComponent(model)}`);
  const report = await eventually(
    "figures",
    async () => {
      const text = await page.locator("#bench-result").innerText();
      return text.trim() !== "" && JSON.parse(text);
    },
    90_000,
  );
  assert.equal(report.error, undefined);
  assert.equal(report.runs.length, 2);
  for (const name of ["prefill_tps", "decode_tps", "group_tps"]) {
    assert.ok(report[name] > 0, `${name} is ${report[name]}`);
  }
  // A group of four is worth a second worker where there is a second core, and no threads.
  const cores = await page.evaluate(() => navigator.hardwareConcurrency);
  assert.equal(/groups on 2 workers/.test(report.engine), cores > 1, report.engine);
  assert.equal(await page.locator(".table caption + thead + tbody tr").count(), 3, "two runs and their median");
});

test("the card says what was measured, and can be taken along", async () => {
  const page = await app.page({ permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(`${app.url}/bench?prompt=8&new=8&runs=3&group=2`);
  await page.getByTestId("bench-start").click();
  const card = page.locator("bench-card");
  await card.getByRole("button", { name: "Copy as text" }).click({ timeout: 60_000 });
  const bytes = await readFile(path.join(root, "public/models/builtin.gguf"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await eventually("the text", async () => (await clipboard()).startsWith("Clicker: tokens per second in a browser\nprefill "));
  const text = await clipboard();
  assert.match(text, /^decode +[\d.,]+ \([\d.,]+ to [\d.,]+\)$/m);
  assert.match(text, new RegExp(`^model builtin\\.gguf, sha256 ${sha256.slice(0, 16)}$`, "m"));
  assert.match(text, /^Chrom\w+ \d+, Linux.*, \d+ cores/m);
  await card.getByRole("button", { name: "Copy as JSON" }).click();
  const data = await eventually("the JSON", async () => JSON.parse(await clipboard()));
  const shown = JSON.parse(await page.locator("#bench-result").innerText());
  assert.deepEqual([data.facts.sha256, data.runs, data.decode.median], [sha256, shown.runs, shown.decode_tps]);
  for (const [name, start] of [["SVG", "<svg "], ["PNG", "\x89PNG"]]) {
    const saved = page.waitForEvent("download");
    await card.getByRole("button", { name: `Save ${name}` }).click();
    const file = await readFile(await (await saved).path(), "latin1");
    assert.ok(file.startsWith(start) && file.length > 1000, name);
  }
});

test("what is kept is listed and can be deleted", async () => {
  const page = await app.page();
  await page.goto(`${app.url}/`);
  await eventually("the model", async () => /ready/i.test(await page.getByTestId("engine-state").innerText()), 60_000);
  const other = await app.tab(page);
  await other.goto(`${app.url}/bench`);
  const list = other.getByTestId("kept");
  await eventually("the list", async () => /1 kept, \d\.\d MB\. This browser would store \d+(\.\d)? [MG]B more/.test(await list.innerText()));
  assert.ok(await list.getByRole("button", { name: /^Delete/ }).isDisabled(), "it is in use");
  await page.close();
  await eventually("its release", async () => {
    await other.evaluate(() => dispatchEvent(new Event("focus")));
    return list.getByRole("button", { name: /^Delete/ }).isEnabled();
  });
  await list.getByRole("button", { name: /^Delete/ }).click();
  await eventually("an empty list", async () => /No model is kept\..*Deleted\./.test(await list.innerText()));
});

test("where there is no graphics adapter, the page and the engine say so and go on", async () => {
  // The client is imported by the test, not by the page: the page's own policy does not apply to it.
  const page = await app.page({ bypassCSP: true });
  await page.goto(`${app.url}/bench`);
  const panel = page.getByTestId("graphics");
  await panel.getByText(/^Not available: this browser .*\. The processor does it all\.$/).waitFor();
  assert.ok(await panel.getByRole("button").isDisabled());
  const said = await page.evaluate(async () => {
    const { Engine } = await import("/pkg/client.js");
    const engine = await Engine.start();
    const model = await engine.load({ url: "/models/builtin.gguf" });
    const refused = await model.useGpu().then(() => "accepted", (error) => error.message);
    const { answers } = await model.generate({ messages: "What is the capital of France?", temperature: 0 }).result;
    return { refused, text: answers[0].text };
  });
  assert.match(said.refused, /^the graphics card cannot be used: .*; the processor goes on$/);
  assert.equal(said.text, "Paris.");
});
