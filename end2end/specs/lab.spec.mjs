//! The reward lab: form and text in step, receipts that follow, samples, an attack, versions, a link, the keyboard, a phone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";

const app = clicker();

/// Opens the lab and waits until the first receipts are there.
async function open(page, query = "") {
  await page.goto(`${app.url}/rewards${query}`);
  await judged(page);
}

/// Waits until every answer has a total.
async function judged(page) {
  return eventually("every answer has a total", async () => {
    const all = await totals(page);
    return all.length > 0 && all.every((text) => text !== "") && all;
  }, 60_000);
}

// Not `innerText`: rows out of sight are not rendered, and what is not rendered has none.
const totals = (page) => page.getByTestId("lab-total").allTextContents();
const json = (page) => page.getByTestId("lab-json").inputValue();
const weight = (page, index = 0) => page.locator(`#-graders-${index}-weight`);

test("form and text stay in step, and receipts follow", async () => {
  const page = await app.page();
  await open(page);
  const before = await totals(page);

  await weight(page).fill("0.25");
  await eventually("the text follows", async () => JSON.parse(await json(page)).graders[0].weight === 0.25);
  const after = await eventually("the totals follow", async () => {
    const now = await totals(page);
    return now[0] !== before[0] && now;
  });

  const text = (await json(page)).replace("0.25", "2.5");
  await page.getByTestId("lab-json").fill(text);
  await eventually("the form follows", async () => (await weight(page).inputValue()) === "2.5");
  await eventually("the totals follow again", async () => (await totals(page))[0] !== after[0]);

  await weight(page).focus();
  await page.keyboard.press("Control+z");
  await eventually("undo", async () => (await weight(page).inputValue()) === "0.25");
  await page.keyboard.press("Control+Shift+z");
  await eventually("redo", async () => (await weight(page).inputValue()) === "2.5");
});

test("broken text is kept, named, and survives a reload", async () => {
  const page = await app.page();
  await open(page);
  const broken = (await json(page)).replace("\"weight\"", "\"wieght\"");
  await page.getByTestId("lab-json").fill(broken);
  const complaint = await eventually("a complaint", async () => {
    const text = await page.getByTestId("lab-complaint").innerText();
    return /Line \d+, column \d+/.test(text) && text;
  });
  assert.match(complaint, /graders\[0\]/);
  assert.match(complaint, /Did you mean `weight`\?/);
  await page.reload();
  await eventually("the draft is back", async () => (await json(page)) === broken);

  await page.getByTestId("lab-json").fill('{ "graders": [{ "name": "len", "weight": 1, "grader": { "type": "length", "free": 9, "limit": 3 } }] }');
  await eventually("what the values lack is said", async () =>
    /limit is 3, expected more than free/.test(await page.getByTestId("lab-complaint").innerText()));
});

test("every kind of grader can be added, and each gives a receipt or says what it lacks", { timeout: 120_000 }, async () => {
  const page = await app.page();
  await open(page);
  const kinds = await page.getByTestId("add-kind").locator("option").evaluateAll((all) => all.map((option) => option.value));
  assert.ok(kinds.length >= 18, `${kinds}`);
  for (const kind of kinds) {
    await page.getByTestId("add-kind").selectOption(kind);
    await page.getByTestId("add-grader").click();
    await eventually(`${kind} is written`, async () => JSON.parse(await json(page)).graders.at(-1).grader.type === kind);
  }
  assert.equal(await page.getByTestId("lab-grader").count(), kinds.length + 3);
  await judged(page);
});

test("answers are pasted, read from a file, and drawn from the model", { timeout: 120_000 }, async () => {
  const page = await app.page();
  await open(page);
  await page.getByText("Paste answers to a question").click();
  await page.getByTestId("paste-text").fill("Paris.\nI don't know.\n<b>bold</b>");
  await page.getByTestId("paste").click();
  await eventually("three rows", async () => (await page.getByTestId("lab-row").count()) === 3);
  assert.ok((await page.getByTestId("lab-row").nth(2).textContent()).includes("<b>bold</b>"), "markup stays text");
  await judged(page);
  await eventually("three receipts", async () => (await page.getByTestId("lab-receipt").count()) === 3);

  const lines = [{ prompt: "2 + 2?", completion: "4.", reference: "4" }, { prompt: "2 + 3?", completion: "6.", reference: "5" }];
  await page.getByTestId("lab-file").setInputFiles({ name: "a.jsonl", mimeType: "application/jsonl", buffer: Buffer.from(lines.map((l) => JSON.stringify(l)).join("\n")) });
  await eventually("two rows", async () => (await page.getByTestId("lab-row").count()) === 2);
  const [right, wrong] = (await judged(page)).map((text) => Number(text.replace("\u2212", "-")));
  assert.ok(right > 0 && wrong < 0, `${right} ${wrong}`);
  await page.getByTestId("lab-file").setInputFiles({ name: "b.jsonl", mimeType: "application/jsonl", buffer: Buffer.from('{"prompt": "x"}') });
  await page.getByText("Line 1: no answer").waitFor();

  await page.getByTestId("paste-text").fill('{"question": "2 + 4?", "answer": "6."}');
  await page.getByTestId("paste").click();
  await page.getByTestId("lab-row").getByText("2 + 4?").waitFor();

  await page.getByTestId("lab-draw").click();
  await eventually("64 rows", async () => (await page.getByTestId("lab-row").count()) === 64, 90_000);
  assert.equal((await judged(page)).length, 64);
});

test("an attack tells the broken lesson from the repaired one", async () => {
  const page = await app.page();
  await open(page);
  const hackability = async (name) => {
    await page.getByTestId("lab-preset").selectOption({ label: name });
    await page.getByTestId("lab-preset-load").click();
    await page.getByTestId("lab-attack").click();
    const before = Date.now();
    const text = await eventually(`the attack on ${name}`, () => page.getByTestId("hackability").innerText({ timeout: 5000 }));
    assert.ok(Date.now() - before < 20_000);
    return Number(text);
  };
  const broken = await hackability("length, broken");
  assert.ok(broken > 0.5, `${broken}`);
  assert.match(await page.getByTestId("lab-attacked").innerText(), /Repair:/);
  await page.getByTestId("lab-preset").selectOption({ label: "length, repaired" });
  await page.getByTestId("lab-preset-load").click();
  await page.getByTestId("lab-attack").click();
  await eventually("the repaired one holds", async () => Number(await page.getByTestId("hackability").innerText()) < 0.2);
});

test("versions are kept, loaded and compared; a link carries the reward", async () => {
  const page = await app.page();
  await open(page);
  const keep = async (name) => {
    const count = await page.getByTestId("lab-version").count();
    await page.getByTestId("keep-name").fill(name);
    await page.getByTestId("keep").click();
    await eventually(`${name} is kept`, async () => (await page.getByTestId("lab-version").count()) === count + 1);
  };
  await keep("first");
  await weight(page).fill("-1");
  await eventually("the text follows", async () => JSON.parse(await json(page)).graders[0].weight === -1);
  await keep("second");
  await page.locator("#side-A-1").click();
  await page.locator("#side-B-0").click();
  await eventually("the difference is told", async () => /truthful/.test(await page.getByTestId("lab-diff").innerText()));
  await page.getByRole("button", { name: "Load first" }).click();
  await eventually("the first is back", async () => (await weight(page).inputValue()) === "1");

  await weight(page).fill("0.125");
  await eventually("the text follows", async () => JSON.parse(await json(page)).graders[0].weight === 0.125);
  await page.getByTestId("lab-share").click();
  await eventually("the address says it", () => /reward=/.test(page.url()));
  const other = await app.page();
  await other.goto(page.url());
  assert.equal(await weight(other).inputValue(), "0.125");
  await judged(other);

  // Far longer than what stands in an address as it is. The kind stays picked from one to the next.
  await page.getByTestId("add-kind").selectOption("script");
  for (let count = 4; count <= 16; count++) {
    await page.getByTestId("add-grader").click();
    await eventually("the text follows", async () => JSON.parse(await json(page)).graders.length === count);
  }
  assert.deepEqual([...new Set(JSON.parse(await json(page)).graders.slice(3).map((g) => g.grader.type))], ["script"]);
  await page.getByTestId("lab-share").click();
  await eventually("a long one is packed", () => /\?z=/.test(page.url()));
  await other.goto(page.url());
  await eventually("and unpacked", async () => JSON.parse(await json(other)).graders.length === 16);
});

test("a phone shows it in one column, and nothing scrolls sideways", async () => {
  const page = await app.page({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  await open(page);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
});
