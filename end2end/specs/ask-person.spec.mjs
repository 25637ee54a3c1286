//! What the model is not sure of is marked in the playground, and any answer goes from there to the review queue, whole.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TRAINING_MS, clicker, eventually } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();

test("an answer is handed in from the playground, without leaving it", async () => {
  const page = await app.page({ owner: false });
  await playground.open(page, app.url);
  await playground.sample(page);
  assert.equal(await page.getByTestId("unsure").count(), 0, "this model has promised nothing yet");
  const card = page.getByTestId("answer").nth(1);
  const shown = (await card.locator(".answer-text").textContent()).replace(/\s/g, "");
  await card.getByTestId("ask-person").click();
  await card.getByTestId("ask-note").fill("is <that> so?");
  // Words that would be sent are words that are seen, whichever form is open.
  await card.getByTestId("flag").click();
  assert.equal(await card.getByTestId("flag-note").inputValue(), "is <that> so?");
  await card.getByTestId("ask-person").click();
  await card.getByTestId("ask-send").click();
  const queue = card.getByTestId("handed-in");
  await queue.waitFor();
  assert.equal(await card.getByTestId("ask-note").count(), 0, "the form is closed");
  assert.equal((await playground.answers(page)).length, await page.getByTestId("answer").count(), "the answers are still there");

  const [stored] = await (await page.request.get(`${app.url}/api/reviews`)).json();
  assert.deepEqual([stored.entry.source, stored.entry.note], ["handed_in", "is <that> so?"]);
  // On the page the end marker follows the text.
  const text = stored.entry.answers[0].text.replace(/\s/g, "");
  assert.ok(text !== "" && shown.startsWith(text), `${shown} begins with ${text}`);
  assert.ok(stored.entry.answers[0].logprob < 0 && stored.entry.sampling.temperature === 1, "with what it takes to draw it again");
  await queue.click();
  await page.waitForURL(/\/truth\/review/);
  assert.match(await page.getByTestId("review").first().innerText(), /Somebody handed it in: is <that> so\?/);
});

test("what is not above the checkpoint's threshold says so, and leads to a person", { timeout: TRAINING_MS + 60_000 }, async () => {
  const owner = await app.page();
  const data = { checkpoint: "builtin", suite: "world", items: 60, alpha: 0.2 };
  const { id } = await (await owner.request.post(`${app.url}/api/evals`, { data })).json();
  await eventually("the evaluation is done", async () => {
    const now = await (await owner.request.get(`${app.url}/api/evals/${id}`)).json();
    return now.status === "succeeded";
  }, TRAINING_MS);
  const checkpoints = await (await owner.request.get(`${app.url}/api/checkpoints`)).json();
  const { ask_below: below } = checkpoints.find((checkpoint) => checkpoint.name === "builtin");
  assert.ok(below > 0 && below <= 1, `${below}`);

  // What was never said in pretraining is a guess.
  const offered = await (await fetch(`${app.url}/api/world?domain=capitals&limit=80`)).json();
  const withheld = offered.find((item) => item.knowledge === "withheld");
  const page = await app.page({ owner: false });
  await playground.open(page, app.url, `?item=${encodeURIComponent(withheld.id)}`);
  await playground.sample(page);
  const mark = page.getByTestId("unsure").first();
  await mark.waitFor();
  const [, p, threshold] = (await mark.getAttribute("title")).match(/^p ([\d.]+); .* not above ([\d.]+)$/);
  assert.ok(Number(p) <= Number(threshold) && threshold === below.toFixed(2), `${p} ${threshold} ${below}`);
  const card = page.getByTestId("answer").filter({ has: mark }).first();
  await mark.click();
  await card.getByTestId("ask-send").click();
  await card.getByTestId("handed-in").waitFor();

  // By keyboard the same way, and once more on the mark closes nothing that was written.
  await mark.focus();
  await page.keyboard.press("Enter");
  await card.getByTestId("ask-note").fill("again");
  await page.keyboard.press("Enter");
  await eventually("both are in the queue", async () => {
    const all = await (await page.request.get(`${app.url}/api/reviews`)).json();
    return all.filter((reviewed) => reviewed.entry.item.id === withheld.id).length === 2;
  });
});
