// One engine for all tabs of a site. The tab that gets the lock runs it; the others send their messages there, each through a channel of
// its own, and queue for the lock: the browser gives it to the next when that tab is closed. Whoever has the lock says so under a
// name made up for this time, so that an engine that was given up cannot answer any more. Never knows what the messages are.

import { inLines, lines } from "./lines.js";

/** Longest silence of an engine that has been asked something: its tab may be frozen. It answers late while it reads a long prompt. */
const PATIENCE_MS = 15_000;
const PING_MS = 3_000;

/** The engine in this worker, for its own page; another where it stopped and one may be started. */
export async function own(front, lead) {
  const desk = await lead();
  desk.onbroken = (again) => {
    if (!again) return;
    front.lost();
    own(front, lead).catch((error) => self.reportError(error));
  };
  front.connect(desk.open((json) => front.answer(json)));
  return desk;
}

/**
 * @param {string} key what the tabs share: the same for the same build only
 * @param {import("./front.js").Front} front
 * @param {() => Promise<import("./desk.js").Desk>} lead starts the engine in this worker
 * @param {(json: string) => string} elsewhere what the page is told when an engine in another tab is ready
 */
export async function share(key, front, lead, elsewhere) {
  const locks = navigator.locks;
  if (!locks || typeof BroadcastChannel === "undefined") return own(front, lead);
  const hub = new BroadcastChannel(key);
  const me = crypto.randomUUID();
  let following = null;

  /** With the lock: start the engine, and keep the lock for as long as it works. */
  const take = async () => {
    following?.stop();
    const desk = await own(front, lead);
    const name = crypto.randomUUID();
    const served = new Map();
    const serve = (id) => {
      if (served.has(id)) return;
      const channel = new BroadcastChannel(`${key}:${id}:${name}`);
      // What was still to be said when a tab went away is said to nobody.
      const client = desk.open(inLines((text) => served.has(id) && channel.postMessage(text)));
      const end = () => {
        served.delete(id);
        client.close();
        channel.close();
      };
      served.set(id, end);
      channel.onmessage = ({ data }) => (data === "ping" ? channel.postMessage("pong") : client.give(data));
      // Granted when that tab is closed.
      locks.request(`${key}:${id}`, end).catch(() => {});
    };
    hub.onmessage = ({ data: { asks, joins, at } }) => {
      if (asks) hub.postMessage({ leads: name });
      if (joins && at === name) serve(joins);
    };
    hub.postMessage({ leads: name });
    return {
      /** Resolves when the engine cannot go on, to whether another may be started. */
      over: new Promise((resolve) => (desk.onbroken = resolve)),
      stop: () => {
        hub.onmessage = null;
        for (const end of served.values()) end();
      },
    };
  };

  const grab = (options) =>
    new Promise((resolve, reject) => {
      let leading;
      const held = async (lock) => {
        resolve(Boolean(lock));
        if (!lock) return;
        for (let again = true; again; ) {
          try {
            leading = await take();
          } catch (error) {
            // The page hears of it as of any error of its worker, and the next tab may try.
            return self.reportError(error);
          }
          again = await leading.over;
          leading.stop();
          if (again) front.lost();
        }
      };
      // Rejected too when another tab took the lock away: this one goes on for its own page only.
      locks.request(key, options, held).catch((error) => {
        leading?.stop();
        reject(error);
      });
    });

  const follow = async () => {
    // The others see by this lock that this tab is there.
    await new Promise((resolve) => void locks.request(`${key}:${me}`, () => (resolve(), new Promise(() => {}))));
    const queue = new AbortController();
    let channel, leader, connected;
    let heard = performance.now();
    const join = (name) => {
      if (name === leader) return;
      leader = name;
      channel?.close();
      front.lost();
      connected = false;
      heard = performance.now();
      channel = new BroadcastChannel(`${key}:${me}:${name}`);
      channel.onmessage = ({ data }) => {
        heard = performance.now();
        if (data === "pong") return;
        for (const json of lines(data)) {
          const ready = json.startsWith('{"kind":"ready"');
          front.answer(ready ? elsewhere(json) : json);
          if (!ready || connected) continue;
          connected = true;
          front.connect({ give: (message) => channel.postMessage(message) });
        }
      };
      hub.postMessage({ joins: me, at: name });
    };
    const ping = setInterval(() => {
      if (connected && !front.waits) return void (heard = performance.now());
      channel?.postMessage("ping");
      // Where none has come up yet, its code may still be on its way.
      if (performance.now() - heard < PATIENCE_MS * (connected ? 1 : 2)) return;
      queue.abort();
      grab({ steal: true }).catch(() => {});
    }, PING_MS);
    following = {
      stop: () => {
        clearInterval(ping);
        channel?.close();
        front.lost();
      },
    };
    hub.onmessage = ({ data: { leads } }) => leads && join(leads);
    hub.postMessage({ asks: true });
    grab({ signal: queue.signal }).catch(() => {});
  };

  let first;
  try {
    first = await grab({ ifAvailable: true });
  } catch (error) {
    // A document without an origin has no locks, and nobody to share with. What else went wrong is the engine's own failure.
    if (error.name !== "SecurityError") throw error;
    hub.close();
    return own(front, lead);
  }
  if (!first) await follow();
}
