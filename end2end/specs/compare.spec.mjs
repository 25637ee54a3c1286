//! A comparison of ways to train: asked for by the owner, run in the ordinary queue, read as a report, laid over each other.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { TRAINING_MS, clicker, eventually } from "../fixtures.mjs";

const app = clicker();

test("only the owner can start one", async () => {
  const page = await app.page({ owner: false });
  await page.goto(`${app.url}/truth/compare`);
  await page.getByText("None yet").waitFor();
  assert.equal(await page.getByTestId("compare-start").isDisabled(), true);
  const refused = await page.request.post(`${app.url}/forms/comparisons`, {
    data: "arm=sft&seeds=1&budget=prompts&amount=64",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(refused.status(), 403);
  assert.equal((await page.request.get(`${app.url}/truth/compare/nothing`)).status(), 404);
});

test("a comparison is started, run and read", { timeout: 2 * TRAINING_MS }, async () => {
  const page = await app.page();
  await page.goto(`${app.url}/truth`);
  await page.getByRole("link", { name: "Compare" }).click();
  const form = page.getByTestId("compare-form");
  await form.getByLabel("Name").fill("first <look>");
  await form.getByLabel("Seeds").fill("2");
  await form.getByLabel("Every arm gets").fill("48");
  await page.getByTestId("compare-start").click();
  await page.waitForURL(/\/truth\/compare\/[0-9a-f]{16}$/);
  assert.equal(await page.getByTestId("compare-progress").locator("progress").count(), 4, "two arms, two seeds");

  await page.goto(`${app.url}/runs`);
  await page.getByText("first <look>: sft, seed 1").first().waitFor();
  await page.goBack();
  await eventually(
    "the report",
    async () => {
      await page.reload();
      return page.getByTestId("report").isVisible();
    },
    TRAINING_MS,
  );
  const limits = await page.getByTestId("limitations").innerText();
  assert.match(limits, /Two seeds: the interval over seeds means little/);
  assert.match(limits, /Learning rates are those of the recipes/);
  for (const card of ["Data card", "Reward card", "Run card", "In short"]) {
    await page.getByRole("heading", { name: card }).waitFor();
  }
  const pictures = page.getByTestId("report").locator("svg[role=img]");
  assert.ok((await pictures.count()) > 40);
  for (const label of await pictures.evaluateAll((all) => all.map((svg) => svg.getAttribute("aria-label")))) {
    assert.ok(label && !/NaN|undefined/.test(label), label);
  }

  // The file stands alone: opened from a disk it shows the same and asks nobody.
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "report.html" }).click();
  const html = await readFile(await (await download).path(), "utf8");
  assert.doesNotMatch(html, /https?:|src=|<script/);
  assert.match(html, /first &lt;look&gt;/);
  const alone = await app.tab(page);
  await alone.setContent(html);
  assert.equal(await alone.getByTestId("limitations").innerText(), limits);

  await page.getByRole("link", { name: "Curves of its runs" }).click();
  await page.getByTestId("overlay").waitFor();
  assert.equal(await page.getByTestId("overlay").locator("svg[role=img] path.cr-line").count(), 4);
  await page.getByTestId("overlay-metric").selectOption("loss");
  await page.getByTestId("overlay-show").click();
  await page.waitForURL(/metric=loss/);
  assert.match(await page.getByTestId("overlay").innerText(), /loss/);

  // Nothing of the pages sticks out, wide or on a phone; tables scroll within themselves.
  const sticks = () =>
    page.evaluate(() => {
      const drawn = document.getElementById("drawn");
      return drawn.scrollWidth > drawn.clientWidth;
    });
  assert.equal(await sticks(), false);
  await page.setViewportSize({ width: 390, height: 844 });
  assert.equal(await sticks(), false);
  await page.goto(`${app.url}/truth/compare`);
  await page.getByTestId("comparisons").getByRole("link", { name: "first <look>" }).click();
  await page.getByTestId("report").waitFor();
  assert.equal(await sticks(), false);
});
