//! OpenAI's model graders judged by the model in the tab: receipts in the lab and in the playground, with the verdicts of the server,
//! without a word to it; what cannot be judged says so; typing does not wait.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clicker, eventually } from "../fixtures.mjs";
import * as playground from "../playground.mjs";

const app = clicker();

const content = "Question: {{item.question}}\nAnswer: {{sample.output_text}}\nRight or wrong?";
const label = (model, input = content) => ({
  type: "label_model", name: "l", model, labels: ["right", "wrong"], passing_labels: ["right"],
  input: [{ role: "user", content: input }],
});
const score = (range) => ({ type: "score_model", name: "s", model: "builtin", range, input: [{ role: "user", content }] });
const reward = (...graders) => JSON.stringify({
  graders: graders.map((grader, i) => ({ name: `g${i}`, weight: 1, grader: { type: "openai", grader } })),
});

async function open(page, text) {
  await page.goto(`${app.url}/rewards?reward=${encodeURIComponent(text)}`);
  await page.getByTestId("lab-origin").waitFor();
}

/// Reasons of the open receipts, once nothing is left to judge.
async function judged(page) {
  return eventually("everything is judged", async () => {
    if (await page.getByTestId("lab-judging").count()) return null;
    const said = await reasons(page);
    return said.length > 0 && said.every((text) => !/not loaded yet|still judging/.test(text)) && said;
  }, 120_000);
}

const reasons = (page) => page.getByTestId("lab-receipt").locator(".receipt-reason").allTextContents();
const chips = (page) => page.locator("#worth-0 .lab-chip b").allTextContents();

test("a receipt is judged by the model in the tab, as the server would, and no answer leaves the tab", { timeout: 240_000 }, async () => {
  const page = await app.page();
  const sent = [];
  page.on("request", (request) => request.method() === "POST" && sent.push(new URL(request.url()).pathname));
  await open(page, reward(label("builtin"), score([0, 4]), score([0, 1])));
  await page.getByRole("button", { name: "Open all receipts" }).click();
  const said = await judged(page);
  assert.ok(said.length >= 3 * 16, `${said.length} reasons`);
  assert.match(said[0], /^label_model gives [01]: builtin says “(right|wrong)”, p [01]\.\d\d of the replies allowed$/);
  assert.match(said[1], /^score_model gives [0-4]: builtin says “[0-4]”/);
  assert.match(said[2], /^score_model gives (0|1|0\.\d): builtin says/);
  assert.deepEqual(sent.filter((path) => /rpc|graders|reviews|feedback/.test(path)), [], "receipts need no server");

  // The first row's answer, asked of the server.
  const question = (await page.locator(".lab-question span").first().textContent()).trim();
  const answer = await page.locator("#said-0").textContent();
  for (const [index, grader] of [label("builtin"), score([0, 4]), score([0, 1])].entries()) {
    const data = { grader, model_sample: answer, item: { question } };
    const receipt = await (await page.request.post(`${app.url}/v1/fine_tuning/alpha/graders/run`, { data })).json();
    assert.equal(receipt.metadata.errors.model_grader_server_error, false, JSON.stringify(receipt));
    const gives = Number(said[index].match(/gives ([\d.]+):/)[1]);
    assert.equal(receipt.reward, gives, `${JSON.stringify(receipt)} against ${said[index]}`);
  }

  // A weight asks nobody again: the words stand, the sums follow.
  const before = await chips(page);
  await page.locator("#-graders-1-weight").fill("3");
  await eventually("the worth follows", async () => (await chips(page)).join() !== before.join() || /gives 0:/.test(said[1]));
  assert.equal(await page.getByTestId("lab-judging").count(), 0);
  assert.deepEqual(await reasons(page), said);
});

test("what cannot be judged is a flag of the schema with a sentence, and never a silent 0", { timeout: 180_000 }, async () => {
  const page = await app.page();
  await open(page, reward(label("gpt-4o"), label("builtin", `${"many words ".repeat(1200)}{{sample.output_text}}`), label("builtin", "{{item.gone}}")));
  const said = await judged(page);
  assert.match(said[0], /^model_grader_server_error: there is no model "gpt-4o" in this tab; write "builtin"/);
  assert.match(said[1], /^the grader failed: model_grader_server_error: builtin: prompt: \d+ tokens.*expected.*at most \d+ together/);
  assert.match(said[2], /^the grader failed: invalid_variable_error: .*item\.gone/);
  assert.equal((await chips(page))[0], "n/a", "nobody judged, so nothing was scored");

  // A field that the schema lacks is named where it is written.
  const unknown = { ...label("builtin"), pass_threshold: 0.5 };
  await page.getByTestId("lab-json").fill(reward(unknown));
  await eventually("the field is named", async () => /pass_threshold/.test(await page.getByTestId("lab-complaint").innerText()));

  // An attack would ask thousands of times: the lab says so instead of calling the reward safe.
  await page.getByTestId("lab-json").fill(reward(label("builtin")));
  await judged(page);
  app.tolerate(/attack_reward|status of 4|status of 5/);
  await page.getByTestId("lab-attack").click();
  await eventually("it says why not", async () => /asks the model/.test(await page.getByTestId("lab-notice").innerText()));
});

test("whoever types on does not wait for the judge, and what was left behind is dropped", { timeout: 180_000 }, async () => {
  const page = await app.page();
  await open(page, reward(label("builtin")));
  await judged(page);
  // A new question to the judge about every answer, and another one before it can be done.
  const asked = (words) => reward(label("builtin", `${words} {{item.question}} {{sample.output_text}}`));
  await page.getByTestId("lab-json").fill(asked("One:"));
  await page.getByTestId("lab-judging").waitFor();
  const last = reward({ type: "string_check", name: "s", operation: "ne", input: "{{sample.output_text}}", reference: "x" });
  const start = Date.now();
  await page.getByTestId("lab-json").fill(last);
  await eventually("the last text's receipts", async () => /^string_check gives 1/.test((await reasons(page))[0] ?? ""));
  console.log(`the receipts of the last text were there after ${Date.now() - start} ms`);
  await eventually("nothing is being judged", async () => (await page.getByTestId("lab-judging").count()) === 0);
});

test("the playground's group is judged by the model in the tab", { timeout: 240_000 }, async () => {
  const page = await app.page();
  await playground.open(page, app.url, `?preset=${encodeURIComponent("a model as judge")}`);
  await page.getByTestId("sample").click();
  const first = page.getByTestId("receipt").first();
  await first.waitFor({ timeout: 120_000 });
  assert.match(await first.innerText(), /label_model gives [01]: builtin says “(right|wrong)”/);
  const size = await page.getByTestId("answer").count();
  await eventually("every answer has its receipt", async () => (await page.getByTestId("receipt").count()) === size);
  assert.ok((await page.getByTestId("answer").first().innerText()).includes("advantage"));
});
