//! What a person does on the playground, by name. Specs read as a story and know no selectors twice.

import assert from "node:assert/strict";
import { eventually } from "./fixtures.mjs";

/// Opens the playground and waits until the model answers.
export async function open(page, url, query = "") {
  await page.goto(`${url}/${query}`);
  await eventually("the model is ready", async () => /ready/i.test(await page.getByTestId("engine-state").innerText()), 60_000);
  await eventually("the sample button is live", () => page.getByTestId("sample").isEnabled());
}

/// Presses Sample and waits until every answer is complete and judged.
export async function sample(page) {
  await page.getByTestId("sample").click();
  await judged(page);
}

/// Waits until the group on the page is complete and judged.
export async function judged(page) {
  const size = Number(await page.getByTestId("knob-group").inputValue());
  await eventually(`${size} judged answers`, async () => {
    const counts = await Promise.all(["answer", "receipt", "advantage"].map((id) => page.getByTestId(id).count()));
    return counts.every((count) => count === size) && (await page.getByTestId("stop").isDisabled());
  });
}

/// Turns a knob to a value.
export async function turn(page, knob, value) {
  await page.getByTestId(`knob-${knob}`).fill(String(value));
}

/// The answers' texts.
export async function answers(page) {
  const cards = page.getByTestId("answer");
  const texts = await cards.evaluateAll((all) => all.map((card) => card.querySelector(".answer-text").textContent.trim()));
  assert.ok(texts.length > 0, "there are answers");
  return texts;
}

/// The receipts' texts, one an answer.
export const receipts = (page) => page.getByTestId("receipt").allInnerTexts();

/// The advantages as numbers.
export async function advantages(page) {
  const values = await page.getByTestId("advantage").locator(".bar-value").allInnerTexts();
  return values.map((text) => Number(text.replace("\u2212", "-")));
}

/// Picks the recipe with the fewest steps among those the train panel offers.
export async function pickShortestRecipe(page) {
  const options = await page.getByTestId("preset").locator("option").evaluateAll((all) =>
    all.map((option) => ({ value: option.value, steps: Number(/(\d+) steps/.exec(option.textContent)?.[1]) })),
  );
  assert.ok(options.length > 0, "the server offers recipes");
  const shortest = options.reduce((a, b) => (b.steps < a.steps ? b : a));
  await page.getByTestId("preset").selectOption(shortest.value);
  return shortest.steps;
}
