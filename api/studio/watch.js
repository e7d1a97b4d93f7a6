// Following a job to its end, over as many connections as that takes.

import { Unreachable, requestJson } from "./api.js";
import { delaySeconds, pause } from "./backoff.js";
import { eventsOf } from "./events.js";
import { keyChanges } from "./key.js";

const FINAL = ["succeeded", "failed", "canceled"];
const POLL_SECONDS = 2.5;
const HIDDEN_POLL_SECONDS = 5;

// A browser opens six connections to a server over HTTP/1.1, for all of its tabs; streams may take
// only some of them, or nothing else gets through. The jobs without a stream are polled.
const [arrival] = performance.getEntriesByType("navigation");
let freeStreams = /^h[23]/.test(arrival?.nextHopProtocol) ? 24 : 3;

/**
 * Follow a job and give it as it ended.
 *
 * `listener` has `onJob(job)`, `onEvent(name, data)` and `onTrouble(word)`, the word being
 * "reconnecting", "locked" or nothing. Raises ApiError where the job is gone.
 */
export async function watch(id, listener, signal) {
  let failures = 0;
  const position = { lastId: undefined };
  const heard = () => {
    failures = 0;
    listener.onTrouble("");
  };
  for (;;) {
    try {
      const job = await requestJson(`jobs/${id}`, { signal });
      heard();
      listener.onJob(job);
      if (FINAL.includes(job.state)) return job;
      const ended = await followFor(job, position, listener, heard, signal);
      if (ended) return ended;
    } catch (error) {
      if (signal.aborted || error.isGone) throw error;
      failures += 1;
      await untilWorthwhile(error, failures, listener, signal);
    }
  }
}

async function followFor(job, position, listener, heard, signal) {
  if (document.hidden || freeStreams === 0) {
    const seconds = document.hidden ? HIDDEN_POLL_SECONDS : POLL_SECONDS;
    await Promise.race([pause(seconds, signal), visibilityChange()]);
    return null;
  }
  freeStreams -= 1;
  try {
    return await stream(job, position, listener, heard, signal);
  } finally {
    freeStreams += 1;
  }
}

async function stream(job, position, listener, heard, signal) {
  const shown = whileShown();
  try {
    const both = AbortSignal.any([signal, shown.signal]);
    const path = `${job.urls.events}?preview=1`;
    for await (const event of eventsOf(path, { lastId: position.lastId, signal: both })) {
      heard();
      position.lastId = event.id ?? position.lastId;
      if (FINAL.includes(event.name) && event.data.id) return event.data;
      listener.onEvent(event.name, event.data);
    }
    throw new Unreachable(); // Nothing ends a stream before the job but a lost connection.
  } catch (error) {
    if (shown.signal.aborted) return null;
    throw error;
  } finally {
    shown.end();
  }
}

// A tab that nobody looks at gives its connections to those that somebody does.
function whileShown() {
  const controller = new AbortController();
  const look = () => document.hidden && controller.abort();
  document.addEventListener("visibilitychange", look);
  const end = () => document.removeEventListener("visibilitychange", look);
  return { signal: controller.signal, end };
}

function visibilityChange() {
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}

async function untilWorthwhile(error, failures, listener, signal) {
  if (error.status === 401) {
    listener.onTrouble("locked");
    await keyChange(signal);
    return;
  }
  listener.onTrouble("reconnecting");
  await pause(error.retryAfter ?? delaySeconds(failures), signal);
}

function keyChange(signal) {
  return new Promise((resolve, reject) => {
    keyChanges.addEventListener("change", resolve, { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
