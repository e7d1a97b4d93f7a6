// Asking for a picture, and what is said beside the button when that does not work at once.

import { requestJson } from "./api.js";
import { pause, persist } from "./backoff.js";
import { byId, setText, showText } from "./dom.js";
import { withInputs } from "./inputs.js";
import { recall, remember } from "./memory.js";
import { complaintText } from "./words.js";

const KEPT = "unsent";
const NO_KEY = "This service needs a key.";
const KEPT_MILLISECONDS = 10 * 60 * 1000;
const UNREACHABLE =
  "The server does not answer. Trying again; it paints this once, however often it is asked.";

/**
 * Sends one request at a time.
 *
 * `onAccepted(job)`, `onInvalid(errors)` and `onUnavailable(detail)` are told what came of it.
 */
export class Submission {
  constructor({ onAccepted, onInvalid, onUnavailable }) {
    Object.assign(this, { onAccepted, onInvalid, onUnavailable, waiting: null, isSending: false });
    byId("outcome-action").addEventListener("click", () => this.waiting?.again());
    byId("outcome-dismiss").addEventListener("click", () => this.giveUp());
    byId("outcome-keep-box").addEventListener("change", () => this.keepTrying());
  }

  /** Go on with what a closed page was sending, unless that is long ago. */
  resume() {
    const unsent = recall(KEPT, null);
    if (unsent && Date.now() - unsent.at < KEPT_MILLISECONDS) this.deliver(unsent);
    else remember(KEPT, null);
  }

  /** Ask for a picture; each call is another one. */
  send(request) {
    if (this.isSending) return;
    this.giveUp();
    this.deliver({ key: newKey(), at: Date.now(), request });
  }

  // The same key with the same request is the same job, so it may be sent as often as it takes.
  async deliver(unsent) {
    this.stop?.abort();
    this.waiting = null;
    const stop = (this.stop = new AbortController());
    remember(KEPT, unsent);
    this.setSending(true);
    try {
      const job = await this.post(unsent, stop.signal);
      this.say("");
      this.onAccepted(job, unsent.request);
    } catch (error) {
      if (!stop.signal.aborted) this.explain(error, unsent);
    } finally {
      if (this.stop === stop) this.settle();
    }
  }

  async post({ key, request }, signal) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
    const body = JSON.stringify(await withInputs(request));
    const options = { method: "POST", headers, body, signal };
    const onFailure = ({ status, message }) =>
      this.say(status ? message : UNREACHABLE, { dismiss: "Stop trying" });
    return persist(() => requestJson("jobs", options), { signal, onFailure });
  }

  explain(error, unsent) {
    const again = () => this.deliver(unsent);
    if (error.status === 422 && error.meta?.errors) this.explainInvalid(error);
    else if (error.status === 429) this.waitForRoom(error, unsent);
    else if (error.status === 401) this.say(NO_KEY, { action: "Enter the key", again });
    else this.say(error.message, { action: "Try again", again });
    if (error.status === 503) this.onUnavailable(error.message);
  }

  explainInvalid({ meta }) {
    const said = meta.errors.map((error) => [fieldOf(error), complaintText(error)]);
    const errors = Object.fromEntries(said);
    const elsewhere = this.onInvalid(errors);
    this.say(Object.entries(elsewhere).map(([name, text]) => `${name}: ${text}`).join("; "));
  }

  async waitForRoom(error, unsent) {
    const again = () => this.deliver(unsent);
    this.say(fullness(error), { action: "Try now", again, countdown: true });
    const { waiting } = this;
    for (let left = error.retryAfter ?? 5; left > 0; left -= 1) {
      setText(byId("outcome-countdown"), `There may be room in ${left} s.`);
      await pause(1);
      if (this.waiting !== waiting) return;
    }
    setText(byId("outcome-countdown"), "There may be room now.");
    waiting.isOver = true;
    this.keepTrying();
  }

  keepTrying() {
    if (byId("outcome-keep-box").checked && this.waiting?.isOver) this.waiting.again();
  }

  say(text, { action = "", again = null, dismiss = "Never mind", countdown = false } = {}) {
    const isNew = text && byId("outcome").hidden;
    this.waiting = again && { again, isOver: false };
    byId("outcome").hidden = !text;
    setText(byId("outcome-text"), text);
    showText(byId("outcome-action"), action);
    showText(byId("outcome-dismiss"), dismiss);
    byId("outcome-countdown").hidden = byId("outcome-keep").hidden = !countdown;
    if (isNew) byId("outcome").scrollIntoView({ block: "nearest" });
  }

  giveUp() {
    this.stop?.abort();
    byId("outcome-keep-box").checked = false;
    this.settle();
    this.say("");
  }

  settle() {
    this.setSending(false);
    remember(KEPT, null);
  }

  setSending(isSending) {
    this.isSending = isSending;
    byId("paint").setAttribute("aria-disabled", String(isSending));
    setText(byId("paint-text"), isSending ? "Sending…" : "Paint");
  }
}

// A part of a field, such as the name of the second LoRA, is told at the field.
function fieldOf({ loc: [, field = "request"] }) {
  return field;
}

function fullness({ name, message, meta }) {
  if (name !== "QueueFull" || !meta?.limit) return message;
  const places = meta.limit === 1 ? "its only place is" : `all ${meta.limit} places are`;
  return `The queue is full: ${places} taken.`;
}

// crypto.randomUUID is for secure pages only.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
