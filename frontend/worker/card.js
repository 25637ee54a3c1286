// A benchmark as people share it: what was measured, on what, with how much spread; as text, JSON and a picture. And the elements of
// the bench page that need no wasm: that card, the list of kept models, and the graphics card's panel. Measures nothing itself.

import { forget, kept, sized } from "./store.js";

const NAMES = { prefill: "prefill", decode: "decode", group: "group" };
const digits = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const figure = (x) => (x < 100 ? oneDigit : digits).format(x);

/**
 * @param {object} report the engine's, as `bench` gives it
 * @param {string} model its name or address
 * @returns {Promise<import("./client.d.ts").Card>}
 */
export async function card(report, model) {
  const { spec, runs, engine, sha256 } = report;
  const rate = (i) => {
    const sorted = runs.map((run) => run[i]).sort((a, b) => a - b);
    return { median: sorted[sorted.length >> 1], least: sorted[0], most: sorted.at(-1) };
  };
  const facts = {
    model: model.split(/[\\/]/).at(-1) || model,
    sha256: sha256 ?? null,
    engine,
    browser: browser(),
    device: await device(),
    cores: navigator.hardwareConcurrency ?? null,
    memory: navigator.deviceMemory ?? null,
    isolated: globalThis.crossOriginIsolated ?? false,
    date: new Date().toISOString().slice(0, 10),
    spec,
  };
  const rates = { prefill: rate(0), decode: rate(1), group: rate(2) };
  const lines = described(facts);
  const row = (name) => `${label(name, spec).padEnd(12)} ${figure(rates[name].median).padStart(7)} (${spread(rates[name])})`;
  const text = ["Clicker: tokens per second in a browser", ...Object.keys(NAMES).map(row), ...lines].join("\n");
  return { facts, ...rates, runs, text, svg: picture(rates, spec, lines) };
}

const label = (name, spec) => (name === "group" ? `group of ${spec.group}` : NAMES[name]);
const spread = ({ least, most }) => `${figure(least)} to ${figure(most)}`;

/** Everything but the figures, a line each. */
function described({ model, sha256, engine, browser, device, cores, memory, isolated, date, spec }) {
  const has = [browser, device, cores && `${cores} cores`, memory && `${memory} GB${memory >= 8 ? " or more" : ""}`];
  return [
    `median of ${spec.runs} (least to most); ${spec.prompt_tokens} prompt tokens, ${spec.new_tokens} new ones, greedy`,
    `model ${model}${sha256 ? `, sha256 ${sha256.slice(0, 16)}` : ""}`,
    engine,
    has.filter(Boolean).join(", "),
    `${isolated ? "cross-origin isolated" : "not cross-origin isolated"}; ${date}`,
  ];
}

function browser() {
  const brands = (navigator.userAgentData?.brands ?? []).filter(({ brand }) => !/not.?a.?brand/i.test(brand.replace(/[^\w]/g, "")));
  const named = brands.find(({ brand }) => brand !== "Chromium") ?? brands[0];
  if (named) return `${named.brand} ${named.version}`;
  const [, name, version] = /(Firefox|Edg|Chrome)\/(\d+)/.exec(navigator.userAgent) ?? [];
  const safari = /Version\/([\d.]+).*Safari/.exec(navigator.userAgent);
  return name ? `${name} ${version}` : safari ? `Safari ${safari[1]}` : navigator.userAgent;
}

async function device() {
  const hints = ["platform", "platformVersion", "architecture", "bitness", "model"];
  const said = await navigator.userAgentData?.getHighEntropyValues(hints).catch(() => null);
  if (!said) return navigator.platform || "unknown device";
  const machine = said.model || [said.architecture, said.bitness].filter(Boolean).join("-");
  return [said.platform, said.platformVersion, machine].filter(Boolean).join(" ");
}

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Bars of the medians with the spread as a line; a picture that stands alone. */
function picture(rates, spec, lines) {
  const width = 720;
  const most = Math.max(...Object.values(rates).map((rate) => rate.most));
  const x = (value) => 150 + (value / most) * 400;
  const bars = Object.entries(rates).map(([name, rate], i) => {
    const y = 84 + 44 * i;
    return `<text x="32" y="${y + 17}">${escaped(label(name, spec))}</text>
<rect x="150" y="${y}" width="${(x(rate.median) - 150).toFixed(1)}" height="24" rx="3" fill="#0f766e"/>
<path d="M${x(rate.least).toFixed(1)} ${y + 12}H${x(rate.most).toFixed(1)}" stroke="#f59e0b" stroke-width="3"/>
<text x="${(x(rate.most) + 10).toFixed(1)}" y="${y + 17}" font-weight="600">${figure(rate.median)}</text>`;
  });
  const words = lines.map((line, i) => `<text x="32" y="${240 + 22 * i}" font-size="13" fill="#475569">${escaped(line)}</text>`);
  const height = 240 + 22 * lines.length + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="15" fill="#0f172a">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="32" y="46" font-size="20" font-weight="600">Clicker: tokens per second in a browser</text>
${bars.join("\n")}
${words.join("\n")}
</svg>
`;
}

function element(tag, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}

function save(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function png(svg) {
  const image = element("img", { src: `data:image/svg+xml,${encodeURIComponent(svg)}` });
  await image.decode();
  const canvas = element("canvas", { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** A card as a picture, and ways to take it along. */
function shown({ svg, text, ...data }) {
  const said = element("span", { className: "hint", role: "status" });
  const copy = (what, content) => {
    const done = () => (said.textContent = `${what} copied.`);
    const refused = () => (said.textContent = `This browser does not allow copying here: select the text below.`);
    return (navigator.clipboard?.writeText(content) ?? Promise.reject()).then(done, refused);
  };
  const button = (name, action) => element("button", { type: "button", className: "button", textContent: name, onclick: action });
  return [
    element("img", { className: "bench-picture", alt: text, src: `data:image/svg+xml,${encodeURIComponent(svg)}` }),
    element(
      "div",
      { className: "row" },
      button("Copy as text", () => copy("Text", text)),
      button("Copy as JSON", () => copy("JSON", JSON.stringify(data, null, 1))),
      button("Save SVG", () => save("clicker-bench.svg", svg, "image/svg+xml")),
      button("Save PNG", async () => save("clicker-bench.png", await png(svg), "image/png")),
      said,
    ),
  ];
}

/** `<bench-card report="{...}" model="...">`. */
class BenchCard extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ["report", "model"];

  async attributeChangedCallback() {
    const report = JSON.parse(this.getAttribute("report") || "null");
    const model = this.getAttribute("model");
    if (!report?.runs || model === null) return;
    this.replaceChildren(...shown(await card(report, model)));
  }
}

/** `<kept-models>`: what this browser keeps for this site, each with a way to delete it. */
class KeptModels extends (globalThis.HTMLElement ?? Object) {
  connectedCallback() {
    this.show();
    addEventListener("focus", (this.look = () => this.show()));
  }

  disconnectedCallback() {
    removeEventListener("focus", this.look);
  }

  async show(said = "") {
    const models = await kept();
    const rows = models.map((model) => {
      const remove = async () => this.show((await forget(model.sha256)) ? "Deleted." : "A tab uses it: close that tab and try again.");
      const used = `last used ${new Date(model.used).toLocaleDateString("en", { dateStyle: "medium" })}`;
      const state = model.inUse ? "in use" : model.complete ? used : "a part of it";
      const button = element("button", { type: "button", className: "button", textContent: "Delete", disabled: model.inUse, onclick: remove });
      button.setAttribute("aria-label", `Delete ${model.sha256.slice(0, 12)}`);
      const name = element("code", { textContent: model.sha256.slice(0, 12), title: `${model.sha256} ${model.name}` });
      const about = element("span", { className: "hint", textContent: `${sized(model.bytes)}, ${state}` });
      return element("li", {}, element("span", {}, name, about), button);
    });
    const { quota, usage } = (await navigator.storage?.estimate?.().catch(() => null)) ?? {};
    const room = quota === undefined ? "" : ` This browser would store ${sized(quota - usage)} more.`;
    const sum = models.length ? `${models.length} kept, ${sized(models.reduce((sum, { bytes }) => sum + bytes, 0))}.` : "No model is kept.";
    this.replaceChildren(
      ...(rows.length ? [element("ul", { className: "kept" }, ...rows)] : []),
      element("p", { className: "hint", role: "status", textContent: `${sum}${room} ${said}` }),
    );
  }
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

/** `<graphics-bench>`: measures the model that the form beside it names on the graphics card, or says why that cannot be. */
class GraphicsBench extends (globalThis.HTMLElement ?? Object) {
  connectedCallback() {
    const asked = (name) => document.querySelector(`[data-testid="bench-${name}"]`)?.value;
    const said = element("p", { className: "hint", role: "status" });
    const out = element("div", { className: "stack" });
    const button = element("button", { type: "button", className: "button", textContent: "Measure on the graphics card" });
    button.onclick = async () => {
      Object.assign(button, { disabled: true });
      out.replaceChildren();
      said.textContent = "Loading and comparing with the processor.";
      try {
        const { Engine } = await import("./client.js");
        const [promptTokens, newTokens, runs, group] = ["prompt", "new", "runs", "group"].map((name) => Number(asked(name)));
        const measured = await Engine.probe({ url: asked("url"), promptTokens, newTokens, runs, group, graphics: true });
        said.textContent = sentence(measured.note);
        // The column is too narrow for the picture's words.
        const [, ways] = shown(measured);
        out.append(ways, element("pre", { className: "code", tabIndex: 0, textContent: measured.text }));
      } catch (error) {
        said.textContent = sentence(error.message);
      }
      button.disabled = false;
    };
    this.replaceChildren(button, said, out);
    this.look(button, said);
  }

  /** What can be known without asking for a device. */
  async look(button, said) {
    const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
    button.disabled = !adapter;
    said.textContent = adapter
      ? "Its results are held against the processor's first."
      : `Not available: ${navigator.gpu ? "this browser gives no graphics adapter" : "this browser has no WebGPU here"}. The processor does it all.`;
  }
}

if (globalThis.customElements && !customElements.get("bench-card")) {
  customElements.define("bench-card", BenchCard);
  customElements.define("kept-models", KeptModels);
  customElements.define("graphics-bench", GraphicsBench);
}
