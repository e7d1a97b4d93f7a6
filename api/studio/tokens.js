// How many tokens the prompts have, counted by the server while somebody types.

import { requestQuietly } from "./api.js";
import { byId, setText } from "./dom.js";
import { keyChanges } from "./key.js";
import { tokenCount, unreadNote } from "./words.js";

const PAUSE_MILLISECONDS = 350;
const TEXTS = ["prompt", "negative_prompt"];

/** Says below each prompt how the model reads it; says nothing where the server does not tell. */
export class TokenCounter {
  constructor() {
    Object.assign(this, { texts: {}, timer: 0, asking: null });
    keyChanges.addEventListener("change", () => this.ask());
  }

  /** Count in a moment, where a text, or the model that reads it, is another one than before. */
  take(texts) {
    if ([...TEXTS, "model"].every((name) => texts[name] === this.texts[name])) return;
    this.texts = texts;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE_MILLISECONDS);
    for (const name of TEXTS) if (!texts[name]) this.show(name, null);
  }

  async ask() {
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    const count = TEXTS.some((name) => this.texts[name]) ? await this.count(signal) : null;
    if (signal.aborted) return;
    for (const name of TEXTS) this.show(name, count);
  }

  async count(signal) {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(this.texts);
    try {
      return await requestQuietly("tokens", { method: "POST", headers, body, signal });
    } catch {
      return null; // The server counts again when it paints.
    }
  }

  show(name, count) {
    setText(byId(`${name}-tokens`), count ? tokenCount(count[name], count.chunk_tokens) : "");
    const unread = count?.[name].dropped_text ?? "";
    const note = byId(`${name}-unread`);
    note.hidden = !unread;
    if (!unread) return;
    const marked = document.createElement("mark");
    marked.textContent = unread;
    note.replaceChildren(`${unreadNote(count)} `, marked);
  }
}
