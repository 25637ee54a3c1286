//! A training run: started, watched, paused, resumed, finished; what it leaves behind survives a reload.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TRAINING_MS, clicker, eventually } from "../fixtures.mjs";

const app = clicker();
const STEPS = 3;

const status = async (page) => (await page.getByTestId("run-status").innerText()).trim();
const until = (page, wanted) => eventually(`the run is ${wanted}`, async () => (await status(page)) === wanted, TRAINING_MS);

/** Starts a GRPO recipe of `steps` steps from the form; ends on the run's page. */
async function start(page, steps) {
  await page.goto(`${app.url}/runs`);
  const presets = page.getByTestId("start-preset");
  const grpo = await presets.locator("option").evaluateAll((all) => all.find((o) => o.textContent.includes("GRPO"))?.value);
  assert.ok(grpo, "a GRPO recipe is offered");
  // The form is live once the page has woken up: the recipe's own number of steps answers the choice.
  await eventually("the form is awake", async () => {
    await presets.selectOption(grpo);
    await page.getByTestId("start-steps").fill(String(steps));
    await page.getByTestId("start-run").click();
    return page.waitForURL(/\/runs\/.+/, { timeout: 3_000 }).then(() => true, () => false);
  });
}

test("a run is started, paused, resumed and finished", { timeout: 2 * TRAINING_MS }, async () => {
  const page = await app.page();
  await page.goto(`${app.url}/runs`);
  await page.getByText("No runs yet").waitFor();
  assert.equal((await page.request.get(`${app.url}/runs/none`)).status(), 404, "a run that is not there is an error for programs too");
  await start(page, STEPS);

  await eventually("the first step", async () => Number(await page.getByTestId("run-step").innerText()) >= 1, TRAINING_MS);
  await page.getByTestId("pause").click();
  await eventually("it paused or was quicker", async () => ["paused", "done"].includes(await status(page)), TRAINING_MS);
  if ((await status(page)) === "paused") {
    await page.getByTestId("resume").click();
  }
  await until(page, "done");
  assert.equal(Number(await page.getByTestId("run-step").innerText()), STEPS);

  // The curves have a table behind them, the samples their tokens, the held-out measurement a before and an after.
  const table = page.locator(".charts details").first();
  const told = async () => {
    // A table is drawn when somebody opens it.
    if ((await table.count()) && (await table.getAttribute("open")) === null) await table.locator("summary").click();
    return {
      charts: await table.locator("tbody tr").count(),
      tokens: await page.getByTestId("token").count(),
      evals: await page.getByTestId("before-after-table").count(),
    };
  };
  const live = await eventually("curves, samples and measurements", async () => {
    const now = await told();
    return now.charts > 0 && now.tokens > 0 && now.evals === 1 && now;
  });
  await page.reload();
  await eventually("a reload tells the same", async () => {
    const now = await told();
    return now.tokens === live.tokens && now.charts === live.charts;
  });

  // What the reward made of the first answers, and the zeros that are no fault.
  await page.getByTestId("dry-run").getByText("rank agreement with the truth").waitFor();
  await page.getByTestId("zeros").locator("summary").click();
  await page.getByTestId("zeros").getByText("clip ratio 0").waitFor();

  await page.goto(`${app.url}/runs`);
  await page.getByTestId("runs").getByText("done").waitFor();
});

test("a reward that does not follow the truth is stopped, and can be started anyway", { timeout: TRAINING_MS }, async () => {
  const page = await app.page();
  await page.goto(`${app.url}/runs`);
  // A lesson's broken reward, without the excuse that its recipe brings; one step of it.
  const id = await page.evaluate(async () => {
    const lessons = await (await fetch("/api/lessons")).json();
    const { dry_run, ...broken } = lessons.find((lesson) => lesson.name === "keywords").broken;
    const body = JSON.stringify({ ...broken, steps: 1, eval: { every: 0, items: 20 } });
    const started = await fetch("/api/runs", { method: "POST", headers: { "content-type": "application/json" }, body });
    return (await started.json()).id;
  });
  await page.goto(`${app.url}/runs/${id}`);
  await until(page, "failed");
  const dryRun = page.getByTestId("dry-run");
  await dryRun.getByText("does not order answers as the truth does").waitFor();
  assert.ok((await page.getByTestId("alarms").innerText()).toLowerCase().includes("dry run"), "the alarm stands on the page");
  await page.getByTestId("start-anyway").click();
  await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(id));
  await until(page, "done");
  await dryRun.getByText("It went on all the same").waitFor();
  assert.equal(await page.getByTestId("start-anyway").count(), 0);

  // The lessons are one press each.
  await page.goto(`${app.url}/runs`);
  assert.equal(await page.getByTestId("lessons").getByRole("button").count(), 6);
});

test("a run that is stopped ends where it stands", { timeout: TRAINING_MS }, async () => {
  const page = await app.page();
  await start(page, 500);
  await eventually("the first step", async () => Number(await page.getByTestId("run-step").innerText()) >= 1, TRAINING_MS);
  await page.getByTestId("stop-run").click();
  await until(page, "stopped");
  const steps = Number(await page.getByTestId("run-step").innerText());
  assert.ok(steps >= 1 && steps < 500, `it stopped after ${steps} steps`);
  assert.equal(await page.getByTestId("stop-run").count(), 0, "nothing is left to stop");
});

test("a visitor who is not the owner may watch but not start", async () => {
  const page = await app.page({ owner: false });
  await page.goto(`${app.url}/runs`);
  await page.getByTestId("owner-hint").waitFor();
  assert.ok(await page.getByTestId("start-run").isDisabled());
  assert.ok(await page.getByTestId("lesson-length-broken").isDisabled());
});
