//! The bench page measures any GGUF by address and leaves its figures as JSON.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";

const app = clicker();

test("figures appear as a table and as JSON", async () => {
  const page = await app.page();
  const model = `${app.url}/models/builtin.gguf`;
  await page.goto(`${app.url}/bench?prompt=8&new=8&runs=2&group=4&model=${encodeURIComponent(model)}`);
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
  // A group of four is worth a second worker where there is a second core.
  const cores = await page.evaluate(() => navigator.hardwareConcurrency);
  assert.equal(/groups on 2 workers/.test(report.engine), cores > 1, report.engine);
  assert.equal(await page.locator("tbody tr").count(), 3, "two runs and their median");
});
