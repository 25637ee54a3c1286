/** The engine for programs. See docs/guide/engine.md. */

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface LoadOptions {
  /** A GGUF file by address, same origin or CORS. */
  url?: string;
  /** Its SHA-256 in hexadecimal: then it is verified and kept in this browser. */
  sha256?: string;
  /** The file's bytes, instead of an address. The buffer is moved to the worker. */
  bytes?: ArrayBuffer;
  /** A name for it; the address if there is none. */
  name?: string;
  /** `space` and `note` come before the first byte of a download: what it needs and what this browser has, and the same as a sentence. */
  onProgress?: (progress: { received: number; total: number | null; cached: boolean; space?: Space; note?: string }) => void;
  /** Abort ends the load with an `AbortError`; what has arrived of a hashed file is kept for the next attempt. */
  signal?: AbortSignal;
}

export interface Space {
  /** Bytes still to fetch, and bytes that this browser would store; none where it does not say. */
  needed?: number;
  free?: number;
  /** False where the model can only stay in memory. */
  kept: boolean;
  /** Hashes of the models that had to go for it, the longest unused first; never one that a tab uses. */
  evicted: string[];
}

/** A model that this browser keeps. */
export interface Kept {
  sha256: string;
  bytes: number;
  /** False while a part is missing: the next load goes on from there. */
  complete: boolean;
  /** Where it came from; "" if that is not known. */
  name: string;
  /** When it was last asked for, Unix milliseconds. */
  used: number;
  /** Whether a tab has it loaded. */
  inUse: boolean;
}

export interface GenerateOptions {
  /** A conversation, or the user's one message. */
  messages: string | Message[];
  /** Samples drawn together over one prompt: 1 to 64. */
  group?: number;
  /** 0 is greedy. */
  temperature?: number;
  /** Keep the k likeliest; 0 keeps all. */
  topK?: number;
  /** Keep the smallest set that reaches this probability; 1 keeps all. */
  topP?: number;
  /** Keep tokens at least this many times as likely as the likeliest; 0 keeps all. */
  minP?: number;
  /** Above 1, tokens that the text already has become less likely. */
  repetitionPenalty?: number;
  maxTokens?: number;
  /** The same seed gives the same answers. */
  seed?: number;
  /** An answer ends before the first of these texts in it. */
  stop?: string | string[];
  /** Added to a token's logit before drawing, by id; -1e9 rules it out. */
  logitBias?: Record<number, number>;
  /** Likeliest tokens to report per position. */
  alternatives?: number;
  /** Every answer matches this regular expression from beginning to end. Flags are not looked at. */
  regex?: string | RegExp;
  /** Every answer is a value of this JSON schema (a subset: docs/guide/engine.md). */
  schema?: string | object;
  /** Draw with this adapter, by name or as `model.adapter` gave it, at this scale: 0 is the base, 1 the adapter. */
  adapter?: string | Adapter;
  scale?: number;
  /** One group of samples for each of these in one batch, null for the base: `answers[i]` is of `adapters[Math.floor(i / group)]`. */
  adapters?: (string | Adapter | Scaled | null)[];
  /** Abort ends the answers at the next token; `result` then has what there is, marked `cancelled`. */
  signal?: AbortSignal;
}

export interface Token {
  id: number;
  /** Empty while a character is not complete. */
  text: string;
  /** ln p under the model's own distribution, nats, whatever the options cut off. */
  logprob: number;
  /** Entropy of that distribution, nats. */
  entropy: number;
  alternatives?: { id: number; text: string; logprob: number }[];
}

export interface Answer {
  text: string;
  tokens: Token[];
  stop: "end" | "length" | "cancelled";
}

export interface Generation extends AsyncIterable<Token & { sample: number }> {
  /** `computed`: tokens of the prompts that an earlier answer had not left computed; none where several workers drew. */
  result: Promise<{ answers: Answer[]; ms: number; computed?: number }>;
  /** From the next token on, this sample (or all) computes with another adapter, or at another scale. */
  steer(how: { sample?: number } & Partial<Scaled>): Promise<void>;
}

/** An adapter (none is the base) at a scale: 0 is the base, 1 the adapter. */
export interface Scaled {
  adapter?: string | Adapter | null;
  /** 1 if none is given. */
  scale?: number;
}

export interface AdapterOptions {
  /** A GGUF adapter, or a PEFT folder (ends in `/`), by address. */
  url?: string;
  /** The bytes instead: a GGUF adapter, or `adapter_model.safetensors`. The buffer is moved to the worker. */
  bytes?: ArrayBuffer;
  /** What `adapter_config.json` says, for PEFT's bytes. */
  config?: string | object;
  /** A name for it; the address if there is none. */
  name?: string;
  signal?: AbortSignal;
}

export interface Adapter {
  readonly name: string;
  /** Bytes in memory. */
  readonly bytes: number;
  /** Milliseconds that reading it took. */
  readonly ms: number;
  /** Forget it; answers in progress keep it. */
  drop(): Promise<void>;
}

export interface Model {
  readonly name: string;
  /** Milliseconds that loading took, and whether the file came from this browser. */
  readonly ms: number;
  readonly cached: boolean;
  /** Why it could not be kept, if so. */
  readonly note?: string;
  generate(options: GenerateOptions): Generation;
  score(options: { messages: string | Message[]; text: string; alternatives?: number }): Promise<{ tokens: Token[]; logprob: number }>;
  adapter(options: AdapterOptions): Promise<Adapter>;
  /** A direction for each text: the mean of its tokens' normalised final states, of length 1. */
  embed(texts: string | string[], how?: Scaled): Promise<Float32Array[]>;
  /**
   * Let the graphics card (WebGPU) compute what `generate` draws, until `useCpu` or the next load. It is held against the processor on a
   * known text first; resolves to a sentence about the card and how close it came, rejects with the reason where there is none, it
   * differs, or the model was loaded from bytes. Adapters, `score` and `embed` stay with the processor. If the card
   * fails later, the processor goes on with the answers under way, and `Report.graphics` says why.
   */
  useGpu(): Promise<string>;
  useCpu(): Promise<void>;
  tokenize(text: string): Promise<number[]>;
  detokenize(ids: Iterable<number>): Promise<string>;
  unload(): Promise<void>;
}

export interface Report {
  build: string;
  /** Workers that share the samples of a group. */
  workers: number;
  memory_bytes: number;
  models: [slot: string, bytes: number][];
  last_decode_tps: number | null;
  /** Models that the graphics card computes, or did until it failed: what `useGpu` said, or why the processor does again. */
  graphics: [slot: string, said: string][];
  /** Tabs that this engine answers, this one included. */
  tabs: number;
}

export interface ProbeOptions extends LoadOptions {
  /** 32, 64, 5 and 8 if not given. */
  promptTokens?: number;
  newTokens?: number;
  runs?: number;
  group?: number;
  /** As in `Engine.start`. */
  threads?: boolean | number;
  relaxed?: boolean;
  /** Measure the graphics card; rejects as `useGpu` does. */
  graphics?: boolean;
}

/** Tokens per second over the runs. */
export interface Rate {
  median: number;
  least: number;
  most: number;
}

/** A benchmark with all that it depends on. */
export interface Card {
  facts: {
    model: string;
    /** None for bytes where the page has no https. */
    sha256: string | null;
    engine: string;
    browser: string;
    device: string;
    cores: number | null;
    /** Gigabytes, as far as the browser tells: rounded down to a power of two, at most 8. */
    memory: number | null;
    isolated: boolean;
    date: string;
    spec: { prompt_tokens: number; new_tokens: number; runs: number; group: number };
  };
  prefill: Rate;
  decode: Rate;
  group: Rate;
  /** What `useGpu` said, where the graphics card was measured; `facts.engine` names it too. */
  note?: string;
  /** Every run: prefill, decode, group. */
  runs: [number, number, number][];
  /** The same as text, and as a picture. */
  text: string;
  svg: string;
}

export interface StartOptions {
  share?: boolean;
  /** 2 to 16; false is one. */
  threads?: boolean | number;
  /** False for the build that needs no relaxed SIMD; otherwise the one that has it where the browser does. */
  relaxed?: boolean;
}

export class Engine {
  /**
   * @param url address of engine.js; beside this file if none is given. From another origin, or in a sandboxed frame, its server has to allow that (CORS)
   * @param options `share: false` for an engine of this tab's own; otherwise the tabs of a site share one. `threads: false` for one thread, or
   * how many; otherwise as many as suit the device, where the page may share memory (it is cross-origin isolated) and a probe shows that
   * they give the same result sooner. `build` says what it came to, and why
   */
  static start(url?: URL | string, options?: StartOptions): Promise<Engine>;
  /** The models that this browser keeps for this site, the last used first. */
  static kept(): Promise<Kept[]>;
  /** Take one away; an error while a tab uses it. */
  static forget(sha256: string): Promise<void>;
  /** Load and measure a model in an engine of its own, and say on what. */
  static probe(options: ProbeOptions): Promise<Card>;
  readonly build: string;
  load(options: LoadOptions): Promise<Model>;
  report(): Promise<Report>;
  close(): void;
}
