// Starts the reward lab on the page that holds it.
import init, { wake } from "./lab.js";

await init({ module_or_path: new URL("./lab_bg.wasm", import.meta.url) });
wake();
