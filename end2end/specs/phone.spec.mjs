//! A phone in the hand: nothing to scroll sideways, and sampling works by touch.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

test("no page scrolls sideways", async () => {
  const page = await app.page(phone);
  for (const path of ["/", "/rewards", "/runs", "/feedback", "/bench"]) {
    await page.goto(app.url + path, { waitUntil: "networkidle" });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `${path} is ${width} px wide`);
  }
});

test("answers are sampled, judged and voted on by touch", async () => {
  const page = await app.page(phone);
  await playground.open(page, app.url);
  await page.getByTestId("sample").tap();
  await playground.judged(page);
  await page.getByTestId("thumbs-up").first().tap();
  await page.getByText("Marked good").first().waitFor();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `with answers the page is ${width} px wide`);
});
