// Server-sent events over fetch: EventSource can send no Authorization header.

import { Unreachable, request } from "./api.js";

// The server sends a comment every 15 seconds; after this much silence the connection is dead.
const SILENCE_SECONDS = 40;

/** Give the events of one connection until it ends; `lastId` is the last one known. */
export async function* eventsOf(path, { lastId, signal }) {
  const connection = new AbortController();
  const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
  const response = await request(path, {
    headers,
    signal: AbortSignal.any([signal, connection.signal]),
  });
  const reader = response.body.getReader();
  try {
    yield* parse(reader);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Unreachable();
  } finally {
    connection.abort();
  }
}

async function* parse(reader) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await withinPatience(reader.read());
    if (done) return;
    text = (text + decoder.decode(value, { stream: true })).replaceAll("\r\n", "\n");
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const event = eventOf(block);
      if (event.data) yield { ...event, data: JSON.parse(event.data) };
    }
  }
}

function eventOf(block) {
  const event = { name: "message", id: undefined, data: "" };
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "event") event.name = value;
    if (field === "id") event.id = value;
    if (field === "data") event.data += value;
  }
  return event;
}

function withinPatience(reading) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Unreachable()), SILENCE_SECONDS * 1000);
  });
  return Promise.race([reading, silence]).finally(() => clearTimeout(timer));
}
