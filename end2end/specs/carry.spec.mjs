//! A reward on its way: from the lab to the playground and back, by version, by link, by name; and what comes of it there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();

/// Five graders, a gate and a clamp: no knob says any of it.
const reward = {
  graders: [
    { name: "right", weight: 1, grader: { type: "normalised" } },
    { name: "brief", weight: 0.5, grader: { type: "soft_overlong", max: 80, cache: 40, unit: "characters" } },
    { name: "once", weight: 0.25, grader: { type: "repetition", n: 2 } },
    { name: "clean", weight: 1, grader: { type: "pii", kinds: ["email"] } },
    { name: "script", weight: 2, grader: { type: "program", source: "if answer.len() > 2 { 1.0 } else { 0.0 }" } },
  ],
  clamp: { low: -2, high: 0.125 },
  gates: [{ grader: "clean", at_least: 0, otherwise: -2 }],
};

const carried = (page) => page.getByTestId("reward-carried");

test("a kept reward is tried, explained, trained on, and left for the knobs", { timeout: 240_000 }, async () => {
  const page = await app.page();
  await page.goto(`${app.url}/rewards`);
  await page.getByTestId("lab-json").fill(JSON.stringify(reward));
  await eventually("the form follows", async () => (await page.getByTestId("lab-grader").count()) === 5);
  await page.getByTestId("keep-name").fill("five & more");
  await page.getByTestId("keep").click();
  await eventually("it is kept", async () => (await page.getByTestId("lab-version").count()) === 1);
  await page.getByTestId("lab-play").click();
  await page.waitForURL(/\/\?version=[0-9a-f]{64}/);
  assert.match(await carried(page).innerText(), /five & more, version [0-9a-f]{10}, 5 graders/);
  assert.match(await carried(page).innerText(), /More than a sum: gates, clamp/);

  await eventually("the model is ready", async () => /ready/i.test(await page.getByTestId("engine-state").innerText()), 60_000);
  await eventually("the sample button is live", () => page.getByTestId("sample").isEnabled());
  await playground.sample(page);
  const receipts = await playground.receipts(page);
  for (const name of ["right", "brief", "once", "clean", "script"]) assert.ok(receipts[0].includes(name), receipts[0]);
  assert.match(receipts[0], /the program says 1/, "the script is run in the tab");
  assert.match(page.url(), /version=[0-9a-f]{64}/, "the address keeps it");

  const bars = await page.locator(".panel-advantage .bars").boundingBox();
  const below = await page.locator(".panel-advantage .hint").boundingBox();
  assert.ok(below.y >= bars.y + bars.height && bars.height > 100, "the advantages have room of their own");

  await page.getByTestId("reward-reset").click();
  await eventually("the knobs' receipts", async () => (await playground.receipts(page))[0].includes("truthful"));
  assert.doesNotMatch(page.url(), /version=/);
  await page.getByTestId("reward-pick").selectOption({ label: await label(page, "five & more") });
  await carried(page).waitFor();
  await eventually("its receipts", async () => (await playground.receipts(page))[0].includes("brief"));

  await playground.pickShortestRecipe(page);
  const asked = page.waitForResponse((response) => response.url().includes("/rpc/start_run"));
  await page.getByTestId("train").click();
  const run = await (await asked).json();
  assert.deepEqual(run.recipe.reward.graders.map((graded) => graded.name), ["right", "brief", "once", "clean", "script"]);
  assert.deepEqual(run.recipe.reward.clamp, reward.clamp);
  await page.getByTestId("live-run").waitFor();
});

test("links of every length arrive, broken ones say so, and the knobs' reward goes to the lab", async () => {
  const page = await app.page();
  await page.goto(`${app.url}/?reward=${encodeURIComponent(JSON.stringify(reward))}`);
  assert.match(await carried(page).innerText(), /5 graders/);
  await page.getByTestId("carried-edit").click();
  await page.waitForURL(/\/rewards\?/);
  await eventually("the lab has it", async () => (await page.getByTestId("lab-grader").count()) === 5);

  // Too long for an address as it is: packed here, unpacked by the server.
  const long = { graders: Array.from({ length: 16 }, (_, n) => ({ name: `s${n}`, weight: 0.1, grader: { type: "script", allowed: ["latin", "greek"] } })) };
  await page.getByTestId("lab-json").fill(JSON.stringify(long));
  await eventually("the form follows", async () => (await page.getByTestId("lab-grader").count()) === 16);
  await page.getByTestId("lab-play").click();
  await page.waitForURL(/\/\?z=/);
  assert.match(await carried(page).innerText(), /from a link, version [0-9a-f]{10}, 16 graders/);

  await page.goto(`${app.url}/?z=AAAA`);
  await page.getByText("The link's reward is damaged").waitFor();
  await page.goto(`${app.url}/?preset=${encodeURIComponent("length, broken")}`);
  assert.match(await carried(page).innerText(), /length, broken/);

  await playground.open(page, app.url);
  await playground.turn(page, "abstain", 0.3);
  await page.getByTestId("reward-lab").click();
  await page.waitForURL(/\/rewards\?reward=/);
  await eventually("the lab has the knobs' reward", async () => {
    const written = JSON.parse(await page.getByTestId("lab-json").inputValue());
    return written.graders[0].grader.abstain === 0.3;
  });
  await page.getByTestId("lab-play").click();
  await page.waitForURL(/\/\?seed=1&abstain=0.3/);
  assert.equal(await page.getByTestId("knob-abstain").inputValue(), "0.3");
});

/// The whole label of the option that begins like this.
async function label(page, beginning) {
  const labels = await page.getByTestId("reward-pick").locator("option").allTextContents();
  return labels.find((text) => text.startsWith(beginning));
}
