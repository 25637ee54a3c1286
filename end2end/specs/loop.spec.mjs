//! The whole circle in one tab: sample, turn a knob, vote, train, and the new model answers the same prompt.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TRAINING_MS, clicker, eventually } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();

test("a stranger goes round the whole circle", { timeout: TRAINING_MS + 120_000 }, async () => {
  const page = await app.page();
  // Answers of different lengths, so that every knob has something to tell apart.
  const offered = await (await fetch(`${app.url}/api/world?domain=capitals&limit=80`)).json();
  const withheld = offered.find((item) => item.knowledge === "withheld");
  await playground.open(page, app.url, `?item=${encodeURIComponent(withheld.id)}`);
  await playground.turn(page, "group", 6);

  // Sample: a group of answers, token by token.
  await playground.sample(page);
  const before = await playground.answers(page);
  assert.equal(before.length, 6);
  assert.ok((await page.getByTestId("token").count()) >= 6, "answers are shown token by token");

  // A knob moves every receipt and the advantages at once, with the same answers.
  const receipts = await playground.receipts(page);
  const advantages = await playground.advantages(page);
  await playground.turn(page, "length", 1);
  await playground.turn(page, "free", 8);
  await playground.turn(page, "limit", 240);
  const moved = await eventually("receipts follow the knob", async () => {
    const now = await playground.receipts(page);
    return now.length === 6 && now.every((text, i) => text !== receipts[i]) && now;
  });
  assert.notDeepEqual(moved, receipts);
  await eventually("advantages follow the knob", async () => {
    const now = await playground.advantages(page);
    return now.length === 6 && now.some((value, i) => value !== advantages[i]);
  });
  const sum = (await playground.advantages(page)).reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum) < 0.05, `a group's advantages sum to zero, up to rounding: ${sum}`);
  assert.deepEqual(await playground.answers(page), before, "a knob of the reward leaves the answers alone");

  // Vote: stored on the server with everything needed to replay it.
  await page.getByTestId("vote-a").click();
  const list = await app.tab(page);
  await eventually("the vote is in the list", async () => {
    await list.goto(`${app.url}/feedback`);
    return (await list.getByTestId("feedback-row").count()) === 1;
  });
  await list.close();

  // Train on this reward, and watch it live.
  await page.getByTestId("reward-reset").click();
  await playground.pickShortestRecipe(page);
  await page.getByTestId("train").click();
  await eventually("steps go by", async () => Number(await page.getByTestId("run-step").innerText()) >= 1, TRAINING_MS);

  // The new checkpoint answers the same prompt in the same tab, beside the old one.
  await eventually(
    "a trained checkpoint answers in this tab",
    async () => {
      const step = Number(await page.getByTestId("checkpoint-step").innerText());
      return step >= 1 && (await page.getByTestId("means").count()) === 1;
    },
    TRAINING_MS,
  );
  const texts = (side) => page.getByTestId(`compare-${side}`).locator(".answer-text").allInnerTexts();
  assert.equal((await texts("before")).length, 6);
  await eventually(
    "the trained model says something else",
    async () => {
      const [old, trained] = [await texts("before"), await texts("after")];
      return trained.length === 6 && trained.every((text) => text.trim() !== "") && trained.some((text, i) => text !== old[i]);
    },
    TRAINING_MS,
  );
  await eventually(
    "the run is done",
    async () => (await page.getByTestId("run-status").innerText()).trim() === "done",
    TRAINING_MS,
  );

  // The slider walks the run's checkpoints: back at the first, that one is loaded and answers.
  const slider = page.getByTestId("checkpoint-slider");
  const last = Number(await page.getByTestId("checkpoint-step").innerText());
  await slider.fill("0");
  const first = Number(await page.getByTestId("checkpoint-step").innerText());
  assert.ok(first < last, `the first checkpoint, ${first}, comes before the last, ${last}`);
  const early = await eventually("the first checkpoint's answers", async () => {
    const now = await texts("after");
    return (await page.getByTestId("means").count()) === 1 && now.length === 6 && now.every((text) => text.trim() !== "") && now;
  });
  await slider.fill(await slider.getAttribute("max"));
  await eventually("the last checkpoint answers again", async () => {
    const now = await texts("after");
    return now.length === 6 && now.every((text) => text.trim() !== "") && now.some((text, i) => text !== early[i]);
  });
});
