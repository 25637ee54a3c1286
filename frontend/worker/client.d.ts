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
  onProgress?: (progress: { received: number; total: number | null; cached: boolean }) => void;
  /** Abort ends the load with an `AbortError`; what has arrived of a hashed file is kept for the next attempt. */
  signal?: AbortSignal;
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
  result: Promise<{ answers: Answer[]; ms: number }>;
}

export interface Model {
  readonly name: string;
  /** Milliseconds that loading took, and whether the file came from this browser. */
  readonly ms: number;
  readonly cached: boolean;
  generate(options: GenerateOptions): Generation;
  score(options: { messages: string | Message[]; text: string; alternatives?: number }): Promise<{ tokens: Token[]; logprob: number }>;
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
}

export class Engine {
  /** @param url address of engine.js; beside this file if none is given */
  static start(url?: URL | string): Promise<Engine>;
  readonly build: string;
  load(options: LoadOptions): Promise<Model>;
  report(): Promise<Report>;
  close(): void;
}
