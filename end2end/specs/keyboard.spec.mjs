//! The keyboard alone: every step of the circle can be reached with Tab and done with Enter, Space or the arrows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();

/// Presses Tab until the element with this test id has the focus, and checks that the focus can be seen.
async function tabTo(page, testId) {
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const seen = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
      return { id: element.dataset.testid ?? null, tag: element.tagName, seen };
    });
  for (let presses = 0; presses < 250; presses++) {
    const now = await focused();
    if (now.id === testId) {
      assert.ok(now.seen, `the focus on ${testId} cannot be seen`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reaches ${testId}`);
}

test("sample, read, judge, vote and train without a mouse", { timeout: 180_000 }, async () => {
  const page = await app.page();
  await playground.open(page, app.url);

  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip", "the first stop skips the header");

  await tabTo(page, "sample");
  await page.keyboard.press("Enter");
  await playground.judged(page);

  await tabTo(page, "token");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "token", "arrows walk the tokens");

  await tabTo(page, "thumbs-up");
  await page.keyboard.press("Enter");
  await page.getByText("Marked good").first().waitFor();

  await tabTo(page, "vote-a");
  await page.keyboard.press("Space");
  await page.getByText("1 comparison kept").waitFor();

  await tabTo(page, "knob-wrong");
  const receipts = await playground.receipts(page);
  await page.keyboard.press("Home");
  await tabTo(page, "knob-length");
  await page.keyboard.press("End");
  await eventually("receipts follow the arrows", async () => (await playground.receipts(page)).some((text, i) => text !== receipts[i]));

  await tabTo(page, "train");
  assert.ok(await page.getByTestId("train").isEnabled(), "training is one key away");
});
