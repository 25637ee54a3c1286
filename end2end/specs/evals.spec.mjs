//! Evaluations: asked for from the page, done on the server, shown with figures; a visitor reads and cannot ask.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TRAINING_MS, clicker, eventually } from "../fixtures.mjs";

const app = clicker();

test("an evaluation is asked for, done and read", { timeout: 2 * TRAINING_MS }, async () => {
  const page = await app.page();
  await page.goto(`${app.url}/truth`);
  await page.getByRole("link", { name: "Evaluations" }).click();
  await page.getByText("No evaluation yet").waitFor();
  await page.getByLabel("Suite").selectOption("all");
  await page.getByLabel("Questions (0: all)").fill("30");
  await page.getByLabel("Answers drawn per question").fill("2");
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/\/truth\/evals\?eval=1$/);
  await eventually(
    "the report is there",
    async () => {
      await page.reload();
      return (await page.getByTestId("section-calibration").count()) === 1;
    },
    TRAINING_MS,
  );
  for (const name of ["truth", "calibration", "consistency", "attacks", "search", "rules", "names", "groups", "reasoning"]) {
    assert.equal(await page.getByTestId(`section-${name}`).count(), 1, name);
  }
  assert.match(await page.getByTestId("section-reasoning").innerText(), /shows no steps/i);
  const figures = page.getByRole("img", { name: /Reliability diagram|Risk-coverage curve/ });
  assert.ok((await figures.count()) >= 2, "a reliability diagram and a risk-coverage curve");

  // The page and the API show the same numbers.
  const stored = await (await page.request.get(`${app.url}/api/evals/1`)).json();
  const known = stored.report.measured.accuracy_known;
  const row = page.getByTestId("section-truth").getByRole("row", { name: /right on known facts/ });
  assert.match(await row.innerText(), new RegExp(`${(known.value * 100).toFixed(1)} %[\\s\\S]*\\b${known.n}$`));
  assert.ok(stored.ask_person, "a threshold was chosen");

  // Who only visits can read it, and is told how to ask for one.
  const visitor = await app.page({ owner: false });
  await visitor.goto(`${app.url}/truth/evals`);
  await visitor.getByTestId("evals").getByText(/done in/).waitFor();
  assert.equal(await visitor.getByRole("button", { name: "Start" }).count(), 0);
  const refused = await visitor.request.post(`${app.url}/forms/evals`, { form: { checkpoint: "builtin" } });
  assert.equal(refused.status(), 403);

  // What is not there says so.
  app.tolerate(/404/);
  await visitor.goto(`${app.url}/truth/evals?eval=99`);
  await visitor.getByText("There is no such evaluation").waitFor();
});
