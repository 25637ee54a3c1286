//! Another host of the built files, as a teacher's own page would be: no Clicker server behind it, and what headers a test gives it. Knows no
//! test's page.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { after, before } from "node:test";
import { root } from "./fixtures.mjs";

export const site = path.join(root, "target/site");
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };
const EMPTY = "<!doctype html><title>host</title><link rel=icon href=data:,>";

/// Starts one for the file that calls it. Tests may change its `headers`, its `pages` (text by path; `/` is an empty page otherwise) and what
/// becomes of a file on the way.
export function host() {
  const state = { url: null, headers: {}, pages: {}, changed: (_name, body) => body };
  let server;

  before(async () => {
    server = createServer(async (request, response) => {
      const name = new URL(request.url, "http://x").pathname;
      try {
        const own = state.pages[name] ?? (name === "/" ? EMPTY : undefined);
        const body = own ?? (await readFile(path.join(site, path.normalize(name))));
        const type = TYPES[path.extname(name) || ".html"] ?? "application/octet-stream";
        response.writeHead(200, { "content-type": type, "cache-control": "no-store", ...state.headers }).end(state.changed(name, body));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    state.url = `http://127.0.0.1:${server.address().port}`;
  });

  after(() => {
    server?.closeAllConnections();
    server?.close();
  });
  return state;
}
