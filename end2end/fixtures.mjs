//! What every spec stands on: the real server on a free port with a fresh data folder, a real browser, and the rule that
//! a page which complains fails its test. Knows no page's content.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/// The repository's root.
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const server = process.env.CLICKER_BIN ?? path.join(root, "target/debug/clicker");
const browserPath = process.env.CHROME ?? "/usr/bin/chromium";
const browserFlags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/// Longest wait for anything a person would wait for without losing patience.
export const PATIENCE_MS = 30_000;
/// Longest wait for a short training run on two cores.
export const TRAINING_MS = 240_000;

/// Starts one server and one browser for the file that calls it, with more of the browser's flags if it needs some. Returns an object
/// whose `page()` opens a fresh tab.
export function clicker(flags = []) {
  const state = { url: null, ownerUrl: null, complaints: [], tolerated: [] };
  let dataDir, process_, browser;
  const contexts = [];

  before(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), "clicker-end2end-"));
    process_ = startServer(dataDir);
    Object.assign(state, await addresses(process_));
    browser = await chromium.launch({ executablePath: browserPath, args: [...browserFlags, ...flags] });
  });

  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    const tolerated = state.tolerated.splice(0);
    const complaints = state.complaints.splice(0).filter((text) => !tolerated.some((pattern) => pattern.test(text)));
    assert.deepEqual(complaints, [], "the page complained");
  });

  after(async () => {
    await browser?.close();
    await stopServer(process_);
    if (dataDir) await rm(dataDir, { recursive: true, force: true });
  });

  /// A tab in a browser profile of its own, signed in as the owner unless told otherwise.
  state.page = async ({ owner = true, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    listen(page, state);
    if (owner) await page.goto(state.ownerUrl);
    return page;
  };

  /// A second tab in the profile of this page.
  state.tab = async (page) => {
    const other = await page.context().newPage();
    other.setDefaultTimeout(PATIENCE_MS);
    listen(other, state);
    return other;
  };

  /// Complaints of this kind are part of the running test, for instance those of a cut connection.
  state.tolerate = (pattern) => state.tolerated.push(pattern);
  return state;
}

/// Collects what no page may do: errors, hydration warnings, requests that fail or leave this machine.
function listen(page, state) {
  const { complaints } = state;
  page.on("pageerror", (error) => complaints.push(`page error: ${error.stack ?? error}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" || /hydrat|panicked/i.test(text)) {
      complaints.push(`console ${message.type()}: ${text} (${message.location().url})`);
    }
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(state.url).origin) {
      complaints.push(`a request to another host: ${request.url()}`);
    }
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
  });
}

function startServer(dataDir) {
  return spawn(server, ["serve", "--port", "0", "--data-dir", dataDir], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/// Reads what the server prints until it has said its address and the owner's link.
function addresses(child) {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => reject(new Error(`the server printed no address:\n${said}`)), PATIENCE_MS);
    const read = (chunk) => {
      said += chunk;
      // Its pages would have no scripts: every test would fail, and none would say why.
      const misfit = said.match(/the page in .* was built from other sources.*/);
      if (misfit) {
        clearTimeout(timer);
        return reject(new Error(misfit[0]));
      }
      const links = said.match(/http:\/\/127\.0\.0\.1:\d+[^\s]*/g) ?? [];
      const ownerUrl = links.find((link) => /token=|owner/.test(link));
      if (ownerUrl && said.slice(said.indexOf(ownerUrl) + ownerUrl.length).includes("\n")) {
        clearTimeout(timer);
        resolve({ url: new URL(ownerUrl).origin, ownerUrl });
      }
    };
    // Both stay read for good: a full pipe would stop the server.
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${said}`)));
  });
}

async function stopServer(child) {
  if (!child || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await ended;
  clearTimeout(timer);
}

/// Waits until `probe()` gives something true, and returns it. For conditions a locator cannot express.
export async function eventually(what, probe, timeout = PATIENCE_MS) {
  const end = Date.now() + timeout;
  let last;
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${timeout / 1000} s in vain for: ${what} (last: ${last})`);
}
