//! The reward lab while somebody types: 64 answers of about 200 tokens, and nothing may jump. How long frames take is printed, not
//! asserted: it depends on the machine.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";

const app = clicker();

/// Most that may move, as Chromium counts it (the share of the window times the distance); also right after a key, when
/// Chromium itself would forgive it.
const SHIFT = 0.05;
const ANSWERS = 64;
const WORDS = 150;

/// Answers that differ, each about 200 tokens long.
function answers() {
  const words = "the capital city of this country lies on a river and many people say that it was founded long ago by settlers".split(" ");
  return Array.from({ length: ANSWERS }, (_, n) => {
    const text = Array.from({ length: WORDS }, (_, k) => words[(k * (n % 7 + 1) + n) % words.length]).join(" ");
    const completion = `${n % 3 === 0 ? "Paris" : "Bonn"}. ${text} ${n % 5 === 0 ? "Call 030 1234567." : ""}`;
    return JSON.stringify({ prompt: `Question ${n % 8}: what is the capital of France?`, completion, reference: "Paris" });
  }).join("\n");
}

/// Notes every shift, every long frame and every interval between frames from now on.
const watch = (page) =>
  page.evaluate(() => {
    const seen = { shifts: [], long: [], frames: [], on: true };
    window.seen = seen;
    const note = (type, take) => {
      if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
      new PerformanceObserver((list) => seen.on && list.getEntries().forEach(take)).observe({ type });
    };
    note("layout-shift", (entry) => seen.shifts.push({
      value: entry.value,
      of: entry.sources.map((source) => source.node?.id || source.node?.className || source.node?.nodeName).join(", "),
    }));
    note("long-animation-frame", (entry) => seen.long.push({
      ms: entry.duration,
      scripts: entry.scripts.map((script) => `${script.invoker} ${Math.round(script.duration)}`),
      layout: entry.startTime + entry.duration - entry.styleAndLayoutStart,
    }));
    let last = performance.now();
    const frame = (now) => {
      seen.frames.push(now - last);
      last = now;
      if (seen.on) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });

/// What was noted since.
async function report(page, what) {
  const { shifts, long, frames } = await page.evaluate(() => {
    window.seen.on = false;
    return window.seen;
  });
  const sorted = frames.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1);
  const slow = frames.filter((ms) => ms > 20).length;
  const total = shifts.reduce((sum, shift) => sum + shift.value, 0);
  console.log(
    `${what}: ${frames.length} frames, median ${at(0.5)} ms, 95 % within ${at(0.95)} ms, longest ${at(1)} ms, ` +
      `${slow} above 20 ms; ${long.length} long frames; layout shift ${total.toFixed(4)}`,
  );
  for (const frame of long.slice(0, 5)) console.log(`  long: ${frame.ms.toFixed(0)} ms, layout ${frame.layout.toFixed(0)} ms, ${frame.scripts.join("; ")}`);
  for (const shift of shifts.slice(0, 8)) console.log(`  shift: ${shift.value.toFixed(4)} ${shift.of}`);
  assert.ok(total < SHIFT, `${what}: things moved by ${total}: ${JSON.stringify(shifts.slice(0, 8))}`);
}

test("64 long answers, and nothing jumps while somebody types", { timeout: 180_000 }, async () => {
  const page = await app.page({ viewport: { width: 1366, height: 768 } });
  await page.goto(`${app.url}/rewards`);
  const totals = () => page.getByTestId("lab-total").allTextContents();
  await eventually("the lab is awake", async () => (await totals())[0] !== "", 60_000);
  await page.getByTestId("lab-file").setInputFiles({ name: "a.jsonl", mimeType: "application/jsonl", buffer: Buffer.from(answers()) });
  await eventually("64 totals", async () => {
    const all = await totals();
    return all.length === ANSWERS && all.every((text) => text !== "");
  }, 60_000);
  // Six graders, as in the benchmark.
  for (const kind of ["repetition", "pii", "grounding"]) {
    await page.getByTestId("add-kind").selectOption(kind);
    await page.getByTestId("add-grader").click();
  }
  await eventually("six graders", async () => (await page.getByTestId("lab-grader").count()) === 6);
  const settled = () => page.waitForTimeout(600);
  const before = await totals();
  await settled();

  // What is to be measured is seen when it happens.
  await watch(page);
  await page.evaluate(() => document.getElementById("lab").insertAdjacentHTML("beforebegin", "<p id=push style='height: 20rem'></p>"));
  await eventually("a shift is seen", () => page.evaluate((most) => window.seen.shifts.reduce((sum, shift) => sum + shift.value, 0) > most, SHIFT));
  await page.evaluate(() => (window.seen.on = false, document.getElementById("push").remove()));
  await settled();

  await watch(page);
  await page.locator("#-graders-0-weight").focus();
  for (const text of ["0.123", "1.5", "-2.25", "0.75", "12.5"]) {
    await page.keyboard.press("Control+a");
    await page.keyboard.type(text, { delay: 40 });
  }
  await settled();
  await report(page, "typing a weight");
  assert.notDeepEqual(await totals(), before, "the receipts followed");

  await watch(page);
  await page.getByTestId("lab-json").focus();
  const written = await page.getByTestId("lab-json").inputValue();
  const at = written.indexOf("12.5");
  await page.getByTestId("lab-json").evaluate((area, at) => area.setSelectionRange(at, at + 4), at);
  // Digit by digit, with texts that are no JSON in between.
  for (const text of ["3", ".", "2", "5", "Backspace", "Backspace", "Backspace", "Backspace", "1", "7", ".", "5"]) {
    await page.keyboard.press(text, { delay: 20 });
    await page.waitForTimeout(60);
  }
  await settled();
  await report(page, "typing JSON");
  assert.equal(JSON.parse(await page.getByTestId("lab-json").inputValue()).graders[0].weight, 17.5);

  // All receipts open: the most that there is to draw.
  await page.locator("#open-all").click();
  await eventually("all receipts", async () => (await page.getByTestId("lab-receipt").count()) === ANSWERS);
  await settled();
  await watch(page);
  await page.locator("#-graders-0-weight").focus();
  for (const text of ["0.5", "1.75", "-2"]) {
    await page.keyboard.press("Control+a");
    await page.keyboard.type(text, { delay: 40 });
  }
  await settled();
  await report(page, "typing a weight, all receipts open");
});
