// The field for the scheduler: every one with its name for people and what it is good for.

import { follow } from "./catalogue.js";
import { byId, setText } from "./dom.js";

const known = new Map();

/** Name a scheduler. */
export function schedulerName(value) {
  return known.get(value)?.label ?? value;
}

/** Offers the schedulers, and says of the chosen one what it is good for. */
export class Schedulers {
  constructor() {
    this.select = byId("scheduler");
    follow("schedulers", (list) => this.take(list));
  }

  /** Offer the values that the API takes. */
  offer(values) {
    this.select.replaceChildren(...values.map((value) => new Option(value, value)));
    this.name();
  }

  /** Say what the chosen one is good for. */
  show() {
    const { label, description } = known.get(this.select.value) ?? {};
    setText(byId("scheduler-hint"), description ? `${label}: ${lowered(description)}` : "");
  }

  take(list) {
    for (const scheduler of list) known.set(scheduler.name, scheduler);
    this.name();
    this.show();
  }

  name() {
    for (const option of this.select.options) option.text = schedulerName(option.value);
  }
}

// The first word of a sentence, unless that is a name such as DPM++.
function lowered(text) {
  return /^[A-Z][a-z0-9]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text;
}
