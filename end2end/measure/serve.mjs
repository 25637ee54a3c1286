//! What the measurements here stand on: a server of this machine's own for the built site, one page and model files, with ranges. Knows nothing
//! of what is measured.

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const site = process.env.SITE ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../target/site");
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/// `page` is what `/` shows, `files` are served by their names under `/models/`; `isolated` lets workers share memory. Returns its address and what
/// ends it.
export async function serve(page, files, isolated = false) {
  const models = new Map(files.map((file) => [`/models/${path.basename(file)}`, file]));
  const server = createServer(async ({ url, headers }, response) => {
    const name = new URL(url, "http://x").pathname;
    if (models.has(name)) return model(models.get(name), headers.range, response);
    const body = name === "/" ? page : await readFile(path.join(site, name)).catch(() => null);
    response.writeHead(body === null ? 404 : 200, { "content-type": name === "/" ? TYPES[".html"] : (TYPES[path.extname(name)] ?? "application/octet-stream"), ...(isolated && ISOLATED) });
    response.end(body ?? "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}

async function model(file, range, response) {
  const { size } = await stat(file);
  const asked = /bytes=(\d+)-(\d*)/.exec(range ?? "");
  const [start, end] = asked ? [Number(asked[1]), asked[2] ? Number(asked[2]) : size - 1] : [0, size - 1];
  response.writeHead(asked ? 206 : 200, { "content-length": end - start + 1, ...(asked && { "content-range": `bytes ${start}-${end}/${size}` }) });
  createReadStream(file, { start, end }).pipe(response);
}
