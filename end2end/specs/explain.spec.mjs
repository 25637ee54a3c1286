//! Explaining and reviewing: an answer under two models by a link, an answer handed in, decided by two people and settled by the owner.
//! Pages without a script of their own: everything is a link or a form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker } from "../fixtures.mjs";

const app = clicker();

test("an answer is explained token by token, and the link tells the same to somebody else", async () => {
  const page = await app.page();
  await page.goto(`${app.url}/truth`);
  await page.getByRole("link", { name: "Explain an answer" }).click();
  await page.waitForURL(/\/truth\/explain/);
  await page.getByText("Nothing is explained yet").waitFor();
  await page.locator("input[name=question]").fill("What is the capital of France?");
  await page.locator("input[name=answer]").fill("Paris.");
  await page.getByTestId("explain-go").click();
  const rows = page.getByTestId("token-table").locator("tbody tr");
  await rows.first().waitFor();
  const told = await rows.allInnerTexts();
  assert.ok(told.length >= 2, `${told.length} tokens`);
  assert.match(await page.getByTestId("token-view").locator(".sentences").innerText(), /The whole answer “Paris\.”/);
  const guest = await app.page({ owner: false });
  await guest.goto(page.url());
  assert.deepEqual(await guest.getByTestId("token-table").locator("tbody tr").allInnerTexts(), told);
});

test("an answer is handed in, two people disagree, the owner settles it", async () => {
  const guest = await app.page({ owner: false });
  await guest.goto(`${app.url}/truth/explain?question=${encodeURIComponent("Who rules Zoria?")}`);
  await guest.getByText("Hand this answer to a person").click();
  const form = guest.getByTestId("hand-in");
  await form.locator("input[name=note]").fill("there is <no> such country");
  await form.locator("input[name=as]").fill("anna");
  await form.getByRole("button", { name: "Hand in" }).click();
  await guest.getByTestId("handed").waitFor();
  const entry = guest.getByTestId("review").first();
  assert.match(await entry.innerText(), /anna handed it in: there is <no> such country/);
  assert.equal(await entry.locator("input[name=as]").inputValue(), "anna", "the address remembers the name");

  await entry.getByRole("button", { name: "Right" }).click();
  await guest.goto(`${app.url}/truth/review?show=decided&as=ben`);
  await guest.getByTestId("review").first().getByRole("button", { name: "Should say" }).click();
  await guest.goto(`${app.url}/truth/review?show=disputed`);
  await guest.getByText("They disagree").waitFor();
  assert.equal(await guest.getByTestId("decisions").locator("li").count(), 2);

  const owner = await app.page();
  await owner.goto(`${app.url}/truth/review?show=disputed`);
  await owner.getByTestId("review").first().getByRole("button", { name: "Should say" }).click();
  await owner.goto(`${app.url}/truth/review?show=decided`);
  await owner.getByText("What holds: should say “I don't know”").waitFor();
  const rows = await owner.evaluate(async () => (await fetch("/api/reviews/export?format=preference")).text());
  const row = JSON.parse(rows.trim());
  assert.equal(row.chosen[0].content, "I don't know.");
  assert.deepEqual([row.reviewer, row.handed_in_by, row.source], ["owner", "anna", "handed_in"]);
});

test("a scan brings unsure answers before a person, with the reasons", async () => {
  const owner = await app.page();
  await owner.goto(`${app.url}/truth/review`);
  await owner.locator("input[name=questions]").fill("12");
  await owner.getByTestId("scan-go").click();
  await owner.getByTestId("scanned").waitFor();
  const entry = owner.getByTestId("review").first();
  await entry.waitFor();
  assert.match(await entry.innerText(), /brought before a person|different things|the rule/);
  const guest = await app.page({ owner: false });
  await guest.goto(`${app.url}/truth/review`);
  await guest.getByText("Only the owner of this server may start this").waitFor();
  assert.equal(await guest.getByTestId("scan-go").count(), 0);
});

test("a step is inspected without a script, one link per token", async () => {
  const page = await app.page();
  await page.goto(`${app.url}/truth/inspect`);
  await page.getByTestId("inspect-form").waitFor();
  const missing = await page.request.get(`${app.url}/truth/inspect?run=none`);
  assert.equal(missing.status(), 404);
});
