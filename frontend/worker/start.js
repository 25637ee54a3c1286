// Starts a module worker from wherever the code lies. Knows nothing of what the worker does.

/**
 * @param {URL | string} url the worker's code; from another origin, its server has to allow this one (CORS)
 * @param {string} name
 */
export function startWorker(url, name) {
  if (typeof Worker === "undefined") {
    throw new Error("this browser has no web workers, which the engine needs; use a current one");
  }
  // A document without an origin of its own (a sandboxed frame) owns no address that it could start a worker from, but it may make one.
  if (new URL(url).origin === self.origin) return new Worker(url, { type: "module", name });
  const script = `import(${JSON.stringify(String(url))}).catch((error) => self.reportError(error));`;
  return new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })), { name });
}
