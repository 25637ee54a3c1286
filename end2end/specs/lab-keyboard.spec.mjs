//! The reward lab by keyboard alone: nothing is pressed with a mouse, the focus can always be seen, and it is never lost when
//! a part is drawn again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";

const app = clicker();

/// What has the focus, and whether that can be seen.
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const shown = element.closest(".lab-file") ?? element;
    const style = getComputedStyle(shown);
    const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    const place = shown.getBoundingClientRect();
    const within = place.bottom > 0 && place.top < innerHeight && place.right > 0 && place.left < innerWidth;
    return { id: element.id, tag: element.tagName, ring, within, size: place.width * place.height };
  });

/// The focus is on something that a person can see.
async function seen(page, where) {
  const now = await focused(page);
  assert.notEqual(now.tag, "BODY", `${where}: the focus is lost`);
  assert.ok(now.ring, `${where}: the focus on ${now.tag}#${now.id} cannot be seen`);
  assert.ok(now.within && now.size > 0, `${where}: ${now.tag}#${now.id} has the focus out of sight`);
  return now.id;
}

/// Presses Tab (or Shift+Tab) until the element with this id has the focus; every stop on the way must be visible.
async function tabTo(page, id, back = false) {
  for (let presses = 0; presses < 400; presses++) {
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
    if ((await focused(page)).tag === "BODY") continue;
    if ((await seen(page, `on the way to ${id}`)) === id) return;
  }
  throw new Error(`Tab never reaches ${id}`);
}

/// The focus is still on this id once the page has drawn what follows.
async function stays(page, id, what) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await seen(page, what), id, what);
}

const json = async (page) => JSON.parse(await page.getByTestId("lab-json").inputValue());

test("write, undo, keep, compare and attack without a mouse", { timeout: 180_000 }, async () => {
  const page = await app.page();
  await page.goto(`${app.url}/rewards`);
  await eventually("the first receipts", async () => (await page.getByTestId("lab-total").first().textContent()) !== "", 60_000);

  // A grader is picked by its first letters and added; the focus goes to its name.
  await tabTo(page, "add-kind");
  await page.keyboard.type("Pattern");
  await tabTo(page, "add-grader");
  await page.keyboard.press("Enter");
  await eventually("the grader is there", async () => (await json(page)).graders.length === 4);
  assert.equal((await json(page)).graders[3].grader.type, "regex");
  await stays(page, "-graders-3-name", "after adding");

  // A weight, digit by digit, and with the arrows.
  await tabTo(page, "-graders-3-weight");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("0.4");
  await eventually("the weight is written", async () => (await json(page)).graders[3].weight === 0.4);
  await page.keyboard.press("ArrowUp");
  await eventually("one step up", async () => (await json(page)).graders[3].weight === 0.5);
  await stays(page, "-graders-3-weight", "after a change");

  // Moved to the top: the button that has nothing more to do keeps the focus.
  await tabTo(page, "up-graders-3");
  for (const index of [2, 1, 0, 0]) {
    await page.keyboard.press("Enter");
    await stays(page, `up-graders-${index}`, "after moving up");
  }
  assert.equal((await json(page)).graders[0].grader.type, "regex");

  // The JSON itself, at the place of the caret.
  await tabTo(page, "lab-json");
  await page.keyboard.press("Control+Home");
  const text = await page.getByTestId("lab-json").inputValue();
  for (let step = 0; step < text.indexOf("0.5"); step++) await page.keyboard.press("ArrowRight");
  for (let step = 0; step < 3; step++) await page.keyboard.press("Delete");
  await page.keyboard.type("0.75");
  await eventually("the form follows", async () => (await page.locator("#-graders-0-weight").inputValue()) === "0.75");
  await stays(page, "lab-json", "after typing");
  await page.keyboard.press("Control+z");
  await eventually("undone", async () => (await page.locator("#-graders-0-weight").inputValue()) === "0.5");
  await stays(page, "lab-json", "after undo");

  // All the way back with the button: the last step leaves it with nothing to do, and the focus stays.
  await tabTo(page, "undo", true);
  await eventually("nothing is left to undo", async () => {
    await page.keyboard.press("Enter");
    await stays(page, "undo", "after undo");
    return (await page.locator("#undo").getAttribute("aria-disabled")) === "true";
  });
  assert.equal((await json(page)).graders.length, 3);
  await tabTo(page, "redo");
  await page.keyboard.press("Enter");
  await eventually("redone", async () => (await json(page)).graders.length === 4);
  await stays(page, "redo", "after redo");

  // Two versions: this one, and this one with another kind in the place of the first.
  const keep = async (name, count) => {
    await tabTo(page, "keep-name");
    await page.keyboard.press("Control+a");
    await page.keyboard.type(name);
    await tabTo(page, "keep");
    await page.keyboard.press("Enter");
    await eventually(`${name} is kept`, async () => (await page.getByTestId("lab-version").count()) === count);
    await stays(page, "keep", "after keeping");
  };
  await keep("first", 1);
  await tabTo(page, "-graders-0-grader", true);
  // By its first letters, although the form is drawn again at each change: two kinds begin with the same word.
  await page.keyboard.type("Stated s", { delay: 80 });
  await eventually("another kind", async () => (await json(page)).graders[0].grader.type === "reasoning");
  await stays(page, "-graders-0-grader", "after another kind");
  await tabTo(page, "-clamp", false);
  await page.keyboard.press("Space");
  await eventually("a clamp", async () => (await json(page)).clamp?.low === -1);
  await stays(page, "-clamp", "after a part appeared");
  await keep("second", 2);
  await tabTo(page, "side-A-1");
  await page.keyboard.press("Enter");
  await stays(page, "side-A-1", "after choosing A");
  await tabTo(page, "side-B-0", true);
  await page.keyboard.press("Space");
  await eventually("the difference is told", async () => /truthful/.test(await page.getByTestId("lab-diff").innerText()));
  await stays(page, "side-B-0", "after choosing B");

  // Receipts, tables, the attack.
  await tabTo(page, "open-all", true);
  await page.keyboard.press("Enter");
  await eventually("receipts are open", async () => (await page.locator("[data-do=close-all]").count()) === 1);
  await stays(page, "open-all", "after opening all");
  await page.keyboard.press("Enter");
  await stays(page, "open-all", "after closing all");
  await tabTo(page, "open-0");
  await page.keyboard.press("Enter");
  await stays(page, "open-0", "after opening one");
  await tabTo(page, "tables");
  await page.keyboard.press("Enter");
  await stays(page, "tables", "after showing tables");
  await tabTo(page, "attack");
  await page.keyboard.press("Enter");
  await eventually("the attack is over", async () => (await page.getByTestId("hackability").count()) === 1);
  await stays(page, "attack", "after the attack");
});

test("removing and adding parts keeps the focus in the form", async () => {
  const page = await app.page();
  await page.goto(`${app.url}/rewards`);
  await eventually("the first receipts", async () => (await page.getByTestId("lab-total").first().textContent()) !== "", 60_000);
  await tabTo(page, "add-gates");
  await page.keyboard.press("Enter");
  await stays(page, "-gates-0-grader", "after adding a gate");
  await tabTo(page, "remove-gates-0");
  await page.keyboard.press("Enter");
  await stays(page, "add-gates", "after removing it");
  await tabTo(page, "remove-graders-1", true);
  await page.keyboard.press("Enter");
  await stays(page, "add-grader", "after removing a grader");
  assert.equal((await json(page)).graders.length, 2);

  // A script that does not compile is told under its text, as it is typed, and the caret stays.
  await tabTo(page, "add-kind", true);
  await page.keyboard.type("Script");
  await tabTo(page, "add-grader");
  await page.keyboard.press("Enter");
  await tabTo(page, "-graders-2-grader-source");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("if answer.len( > 3 { 1.0 }");
  await eventually("what the compiler says", async () => /Expected a script that compiles.*line 1/.test(await page.locator("#script-2").innerText()));
  await stays(page, "-graders-2-grader-source", "while typing a script");
  for (let step = 0; step < " > 3 { 1.0 }".length; step++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.type(")");
  await eventually("it compiles", async () => /It compiles/.test(await page.locator("#script-2").innerText()));
  assert.equal((await json(page)).graders[2].grader.source, "if answer.len() > 3 { 1.0 }");
  await eventually("the tab runs it", async () =>
    /the program says/.test(await page.getByTestId("lab-receipt").first().innerText()));
});
