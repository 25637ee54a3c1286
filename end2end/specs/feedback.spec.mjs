//! Votes: every kind is stored, listed, filtered and exported; one made offline arrives later, exactly once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();

const rows = async (page, query = "") => {
  await page.goto(`${app.url}/feedback${query}`);
  return page.getByTestId("feedback-row").count();
};

test("every kind of vote is stored, listed, filtered and exported", async () => {
  const page = await app.page();
  await playground.open(page, app.url);
  await playground.sample(page);

  const first = page.getByTestId("answer").first();
  await first.getByTestId("thumbs-down").click();
  await first.getByTestId("correction").click();
  await first.getByTestId("correction-text").fill("I don't know.");
  await first.getByTestId("correction-send").click();
  await first.getByTestId("flag").click();
  await first.getByTestId("flag-note").fill("made up");
  await first.getByTestId("flag-wrong").click();
  await page.getByTestId("vote-b").click();

  const list = await app.tab(page);
  await eventually("four votes", async () => (await rows(list)) === 4);
  for (const kind of ["pair", "thumbs", "correction", "flag"]) {
    assert.equal(await rows(list, `?kind=${kind}`), 1, `one vote is a ${kind}`);
  }

  await list.goto(`${app.url}/feedback`);
  const links = await list.getByTestId("export-link").evaluateAll((all) => all.map((link) => link.href));
  const needed = {
    preference: ["prompt", "chosen", "rejected"],
    unpaired: ["prompt", "completion", "label"],
    prompt_completion: ["prompt", "completion"],
  };
  for (const [format, keys] of Object.entries(needed)) {
    const link = links.find((href) => href.includes(`format=${format}`));
    assert.ok(link, `there is a link for ${format}`);
    const response = await list.request.get(link);
    assert.equal(response.status(), 200);
    const lines = (await response.text()).trim().split("\n");
    assert.ok(lines.length >= 1 && lines[0] !== "", `${format} has rows`);
    for (const line of lines) {
      const row = JSON.parse(line);
      assert.deepEqual(keys.filter((key) => !(key in row)), [], `${format}: ${line}`);
    }
  }
});

test("a vote made offline is sent later, exactly once", async () => {
  const page = await app.page();
  await playground.open(page, app.url);
  await playground.sample(page);
  const list = await app.tab(page);
  const before = await rows(list);
  await list.close();

  app.tolerate(/ERR_INTERNET_DISCONNECTED|Failed to fetch/);
  await page.context().setOffline(true);
  await page.getByTestId("thumbs-up").first().click();
  await page.getByTestId("vote-queue").getByText("1 vote waiting").waitFor();
  await page.context().setOffline(false);
  await eventually("the queue is empty", async () => (await page.getByTestId("vote-queue").innerText()).trim() === "");

  const after = await app.tab(page);
  await eventually("the vote is stored", async () => (await rows(after)) === before + 1);
  await page.reload();
  assert.equal(await rows(after), before + 1, "and stored once");
});
