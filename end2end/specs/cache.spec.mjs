//! What the browser keeps of models: how much space there is, what goes when there is none, and what happens where nothing is kept.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { clicker, root } from "../fixtures.mjs";

const app = clicker();
const builtin = await readFile(path.join(root, "public/models/builtin.gguf"));

/// The built-in model under other hashes: what follows the tensors of a file is not read.
const copies = [0, 1, 2, 3].map((n) => Buffer.concat([builtin, Buffer.alloc(n)]));
const hashes = copies.map((bytes) => createHash("sha256").update(bytes).digest("hex"));

/// A tab with an engine and `load(n)`, which loads a copy, asks it something, and says what was said on the way. The code runs before
/// that of the engine, in the tab and in its worker.
async function tab(before = "") {
  // A page that starts no engine of its own.
  const page = await app.page({ bypassCSP: true, owner: false });
  await page.route("**/models/copy-*.gguf", (route) =>
    route.fulfill({ body: copies[Number(/copy-(\d)/.exec(route.request().url())[1])], contentType: "application/octet-stream" }),
  );
  if (before) {
    await page.route("**/pkg/store.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `${before}\n${await response.text()}` });
    });
  }
  await page.goto(`${app.url}/bench`);
  await page.evaluate(async (hashes) => {
    const { Engine } = await import("/pkg/client.js");
    Object.assign(globalThis, { Engine, models: [] });
    globalThis.load = async (n) => {
      globalThis.engine ??= await Engine.start();
      let space;
      const onProgress = (progress) => (space ??= progress.space && { ...progress.space, said: progress.note });
      const model = await engine.load({ url: `/models/copy-${n}.gguf`, sha256: hashes[n], name: `copy ${n}`, onProgress });
      models[n] = model;
      const { answers } = await model.generate({ messages: "What is the capital of Japan?", temperature: 0 }).result;
      return { text: answers[0].text, cached: model.cached, note: model.note, space };
    };
  }, hashes);
  return page;
}

test("what was not used for long makes room, what a tab uses stays, and without room the model is in memory", { timeout: 90_000 }, async () => {
  // Room for two copies and 4 MB that are left alone.
  const page = await tab(`navigator.storage.estimate = async () => {
    const root = await navigator.storage.getDirectory();
    let usage = 0;
    for await (const [, file] of (await root.getDirectoryHandle("clicker-weights", { create: true })).entries()) usage += (await file.getFile()).size;
    return { usage, quota: ${2 * builtin.length + (4 << 20) + 1_000_000} };
  };`);
  const load = (n) => page.evaluate((n) => load(n), n);
  const kept = () => page.evaluate(() => Engine.kept());
  for (const n of [0, 1]) {
    const { text, cached, note, space } = await load(n);
    assert.deepEqual({ text, cached, note }, { text: "Tokyo.", cached: false, note: undefined });
    assert.ok(space.kept && space.needed === copies[n].length && space.free >= space.needed, JSON.stringify(space));
  }
  await page.evaluate(() => models[0].unload());
  const both = await kept();
  assert.deepEqual(both.map(({ sha256, bytes, complete }) => ({ sha256, bytes, complete })), [
    { sha256: hashes[1], bytes: copies[1].length, complete: true },
    { sha256: hashes[0], bytes: copies[0].length, complete: true },
  ]);
  assert.deepEqual(both.map(({ inUse }) => inUse), [true, false]);
  assert.match(both[0].name, /copy-1\.gguf$/);

  // Room for no third one.
  const third = await load(2);
  assert.deepEqual([third.text, third.space.kept, third.space.evicted], ["Tokyo.", true, [hashes[0]]]);
  assert.match(third.space.said, /a model that was not used for long made room/);
  assert.deepEqual(new Set((await kept()).map(({ sha256 }) => sha256)), new Set([hashes[1], hashes[2]]));

  // Now all are in use.
  const fourth = await load(3);
  assert.deepEqual([fourth.text, fourth.space.kept, fourth.space.evicted], ["Tokyo.", false, []]);
  assert.match(fourth.note, /^The model needs [\d.]+ MB and this browser has [\d.]+ MB free for it: it stays in memory/);
  assert.deepEqual(new Set((await kept()).map(({ sha256 }) => sha256)), new Set([hashes[1], hashes[2]]));

  const forget = (n) => page.evaluate((sha) => Engine.forget(sha).then(() => "gone", (error) => error.message), hashes[n]);
  assert.match(await forget(1), /is in use; unload it/);
  await page.evaluate(() => models[1].unload());
  assert.equal(await forget(1), "gone");
  assert.deepEqual((await kept()).map(({ sha256 }) => sha256), [hashes[2]]);
  assert.match(await page.evaluate(() => Engine.forget("abc").catch((error) => error.message)), /expected 64 hexadecimal digits/);
});

test("space that runs out on the way is no end", { timeout: 60_000 }, async () => {
  // The browser says that there is plenty, and then there is not.
  const page = await tab(`navigator.storage.estimate = async () => ({ quota: 1e12, usage: 0 });
    if (globalThis.FileSystemSyncAccessHandle) {
      const { write } = FileSystemSyncAccessHandle.prototype;
      FileSystemSyncAccessHandle.prototype.write = function (bytes, { at }) {
        if (at + bytes.length > 2_000_000) throw new DOMException("full", "QuotaExceededError");
        return write.call(this, bytes, { at });
      };
    }`);
  assert.equal((await page.evaluate(() => load(0))).text, "Tokyo.");
  assert.deepEqual(await page.evaluate(() => Engine.kept()), []);
});

test("a damaged piece is fetched again, and the model read again, before it answers anything", { timeout: 90_000 }, async () => {
  const page = await tab();
  const asked = [];
  let ranges = true;
  await page.route("**/models/copy-0.gguf", (route) => {
    const range = /bytes=(\d+)-(\d+)/.exec(route.request().headers().range ?? "");
    asked.push(range ? `${range[1]}-${range[2]}` : "all");
    if (!range || !ranges) return route.fallback();
    return route.fulfill({ status: 206, body: copies[0].subarray(Number(range[1]), Number(range[2]) + 1), contentType: "application/octet-stream" });
  });
  const load = async () => {
    const { text, cached } = await page.evaluate(() => load(0));
    await page.evaluate(() => models[0].unload());
    return { text, cached };
  };
  const damage = (position) =>
    page.evaluate(
      async ([name, position]) => {
        const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("clicker-weights");
        const file = await (await folder.getFileHandle(name)).createWritable({ keepExistingData: true });
        await file.write({ type: "write", position, data: new Uint8Array(64).fill(0x55) });
        await file.close();
      },
      [`${hashes[0]}.gguf`, position],
    );
  assert.deepEqual(await load(), { text: "Tokyo.", cached: false });
  assert.deepEqual(await load(), { text: "Tokyo.", cached: true });
  assert.deepEqual(asked, ["all"]);

  // In the tensors, whose bytes stay numbers; and in what is read before them, which then is no model at all.
  const last = `${2 << 20}-${builtin.length - 1}`;
  for (const [position, range] of [[builtin.length - 100_000, last], [0, `0-${(2 << 20) - 1}`]]) {
    await damage(position);
    assert.deepEqual(await load(), { text: "Tokyo.", cached: true });
    assert.equal(asked.pop(), range);
    assert.deepEqual(await load(), { text: "Tokyo.", cached: true });
    assert.deepEqual(asked, ["all"]);
  }

  // A server that sends no parts: then all of it.
  ranges = false;
  await damage(builtin.length - 100_000);
  assert.deepEqual(await load(), { text: "Tokyo.", cached: false });
  assert.deepEqual(asked, ["all", last, "all"]);
});

test("a model whose pieces were larger when it was kept is checked by those", { timeout: 60_000 }, async () => {
  const page = await tab();
  const load = async () => {
    const { text, cached } = await page.evaluate(() => load(0));
    await page.evaluate(() => models[0].unload());
    return { text, cached };
  };
  const note = (record) =>
    page.evaluate(
      async ([name, record]) => {
        const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("clicker-weights");
        const file = await (await folder.getFileHandle(name)).createWritable();
        await file.write(JSON.stringify(record));
        await file.close();
      },
      [`${hashes[0]}.json`, record],
    );
  assert.deepEqual(await load(), { text: "Tokyo.", cached: false });
  // Records said nothing of the size of a piece while it was 8 MB.
  await note({ size: copies[0].length, pieces: [hashes[0]] });
  assert.deepEqual(await load(), { text: "Tokyo.", cached: true });
  await note({ size: copies[0].length, pieces: [hashes[1]] });
  assert.deepEqual(await load(), { text: "Tokyo.", cached: false });
});

test("pieces are hashed by a thread of their own, whoever reads them, and again where it is lost", { timeout: 60_000 }, async () => {
  const page = await tab();
  const found = await page.evaluate(async () => {
    const [{ checked }, { Hasher, digest }] = await Promise.all([import("/pkg/checked.js"), import("/pkg/hash.js")]);
    const piece = 200_000;
    const bytes = Uint8Array.from({ length: 5 * piece + 1234 }, (_, i) => (i * 2654435761) >>> 13);
    const starts = Array.from({ length: 6 }, (_, i) => i * piece);
    const hashes = await Promise.all(starts.map((at) => digest(bytes.slice(at, at + piece))));
    const look = async (damaged, parts, meanwhile = () => {}) => {
      const kept = bytes.slice();
      for (const at of damaged) kept[at] ^= 1;
      const read = (offset, length, into) => {
        const out = into?.subarray(0, length) ?? new Uint8Array(length);
        out.set(kept.subarray(offset, offset + length));
        return out;
      };
      const named = [];
      const mend = async (broken) => {
        named.push(...broken.map(([index, hash]) => (hash === hashes[index] ? index : -1)));
        kept.set(bytes);
        return { size: bytes.length, read, close() {} };
      };
      const hasher = new Hasher().start();
      const file = checked({ size: bytes.length, read, close() {} }, hashes, piece, hasher, mend);
      // The thread is up, and works while the next pieces are read.
      await hasher.hash(new Uint8Array(8));
      const right = [];
      for (const [offset, length] of parts) {
        const got = file.read(offset, length).slice();
        await file.keepUp();
        meanwhile(hasher, right.length);
        right.push(got.length === length && got.every((byte, i) => byte === bytes[offset + i] || damaged.includes(offset + i)));
      }
      const whole = await file.whole();
      const again = file.read(piece - 1, piece + 2).every((byte, i) => byte === bytes[piece - 1 + i]);
      file.close();
      return { right: right.every(Boolean), whole, again, named: named.sort() };
    };
    const all = Array.from({ length: 7 }, (_, i) => [i * 150_000, Math.min(150_000, bytes.length - i * 150_000)]);
    return Promise.all([
      look([], all),
      look([], []),
      look([], [[0, 10], [3 * piece + 5, 70_000], [piece - 100, 2 * piece]]),
      look([0, 3 * piece + 9, bytes.length - 1], all),
      look([2 * piece], all, (hasher, parts) => parts === 4 && hasher.close()),
    ]);
  });
  const good = { right: true, whole: true, again: true, named: [] };
  const mended = (named) => ({ right: true, whole: false, again: true, named });
  assert.deepEqual(found, [good, good, good, mended([0, 3, 5]), mended([2])]);
});

test("where nothing is kept the model works from memory, and one sentence says so", { timeout: 60_000 }, async () => {
  const denied = `navigator.storage.getDirectory = () => Promise.reject(new DOMException("denied", "SecurityError"));`;
  // What a page without https lacks.
  const plain = `for (const [of, name] of [[navigator, "storage"], [navigator, "locks"], [crypto, "subtle"], [crypto, "randomUUID"]]) {
    Object.defineProperty(of, name, { value: undefined });
  }`;
  for (const before of [denied, plain]) {
    const page = await tab(before);
    let fetched = 0;
    page.on("request", (request) => (fetched += request.url().includes("/models/copy-")));
    const said = await page.evaluate(async () => {
      const first = await load(0);
      // A group for which helpers would be started, each of which would have to fetch the file.
      const group = { messages: "Hi", group: 8, maxTokens: 4 };
      for (let i = 0; i < 3; i++) await models[0].generate(group).result;
      const { workers } = await engine.report();
      await models[0].unload();
      return { first, workers, again: await load(0), kept: await Engine.kept() };
    });
    assert.equal(said.first.text, "Tokyo.");
    assert.match(said.first.note, /^This browser keeps no files for this page/);
    assert.equal(said.workers, 1);
    assert.deepEqual([said.again.text, said.again.cached, fetched, said.kept], ["Tokyo.", true, 1, []]);
  }
});

test("a browser that cannot run the engine says so", { timeout: 60_000 }, async () => {
  app.tolerate(/^page error: Error: this browser cannot run the engine/);
  for (const share of [true, false]) {
    const page = await tab("WebAssembly.validate = () => false;");
    const said = await page.evaluate((share) => Engine.start(undefined, { share }).then(() => "started", (error) => error.message), share);
    assert.match(said, /^this browser cannot run the engine: it lacks WebAssembly with SIMD; use Chrome/);
  }
  const page = await tab();
  const without = await page.evaluate(() => {
    delete globalThis.Worker;
    return Engine.start().then(() => "started", (error) => error.message);
  });
  assert.match(without, /^this browser has no web workers/);
});
