// The queue strip: this browser's jobs that have not been collected yet.

import { requestJson, requestPicture } from "./api.js";
import { persist } from "./backoff.js";
import { Card } from "./card.js";
import { announce, byId, setText } from "./dom.js";
import { obtainKey, currentKey } from "./key.js";
import { onChangeElsewhere, recall, remember } from "./memory.js";
import { head } from "./words.js";
import { watch } from "./watch.js";

const KEPT = "jobs";

/** Follows jobs, and hands over the pictures of those that succeed. */
export class Queue {
  /** `onPicture(job, png)` keeps a picture; `onRetry(request)` asks for one again. */
  constructor({ onPicture, onRetry }) {
    Object.assign(this, { onPicture, onRetry, cards: new Map() });
    onChangeElsewhere(KEPT, () => this.resume());
  }

  /** Find the jobs again that this browser has asked for. */
  resume() {
    for (const { id, request: asked } of recall(KEPT, [])) this.show(id, asked);
    this.count();
  }

  /** Take a job that the API has accepted. */
  add(job) {
    remember(KEPT, [...others(job.id), { id: job.id, request: job.request }]);
    this.show(job.id, job.request)?.takeJob(job);
    byId("queue").scrollIntoView({ block: "nearest" });
    announce(`In the queue: ${head(job.request.prompt)}`);
    this.count();
  }

  show(id, asked) {
    if (this.cards.has(id)) return this.cards.get(id);
    const stop = new AbortController();
    const card = new Card(id, asked, {
      cancel: () => this.cancel(card, stop.signal),
      retry: () => this.retry(card),
      unlock: () => obtainKey(currentKey()),
      dismiss: () => this.drop(card),
    });
    card.stop = () => stop.abort();
    this.cards.set(id, card);
    byId("queue").append(card.root);
    this.follow(card, stop.signal);
    return card;
  }

  async follow(card, signal) {
    const listener = {
      onJob: (job) => card.takeJob(job),
      onEvent: (name, data) => card.takeEvent(name, data),
      onTrouble: (word) => card.takeTrouble(word),
    };
    try {
      const job = await watch(card.id, listener, signal);
      await this.settle(card, job, signal);
    } catch (error) {
      if (signal.aborted) return;
      const gone = "The server has let go of this picture.";
      card.end(error.isGone ? gone : error.message);
    }
  }

  async settle(card, job, signal) {
    card.takeJob(job);
    if (job.state === "failed") return card.fail(job.error);
    if (job.state === "canceled" && !card.isCanceledHere) return card.end("It was canceled.");
    if (job.state === "canceled") announce(`Canceled: ${head(job.request.prompt)}`);
    else await this.collect(card, job, signal);
    return this.drop(card);
  }

  async collect(card, job, signal) {
    const fetchPicture = () => requestPicture(job.urls.image, { signal });
    const onFailure = ({ name }) =>
      card.takeTrouble(name === "StorageUnavailable" ? "storing" : "reconnecting");
    const png = await persist(fetchPicture, { signal, onFailure });
    await this.onPicture(job, png);
    announce(`Finished: ${head(job.request.prompt)}`);
  }

  async cancel(card, signal) {
    if (card.isEnding) return;
    card.isCanceledHere = true;
    card.take({ state: "canceling" });
    const ask = () => requestJson(`jobs/${card.id}`, { method: "DELETE", signal });
    try {
      await persist(ask, { signal });
    } catch {
      card.isCanceledHere = false; // What follows says how the job stands.
    }
  }

  retry(card) {
    this.drop(card);
    this.onRetry(card.asked);
  }

  drop(card) {
    const hadFocus = card.root.contains(document.activeElement);
    const next = card.root.nextElementSibling ?? card.root.previousElementSibling;
    card.stop();
    card.remove();
    this.cards.delete(card.id);
    remember(KEPT, others(card.id));
    if (hadFocus) (firstButton(next) ?? byId("queue-title")).focus();
    this.count();
  }

  count() {
    const amount = this.cards.size;
    setText(byId("queue-amount"), amount ? String(amount) : "");
    byId("queue-empty").hidden = amount > 0;
    document.title = document.title.replace(/^(\(\d+\) )?/, amount ? `(${amount}) ` : "");
  }
}

function others(jobId) {
  return recall(KEPT, []).filter(({ id }) => id !== jobId);
}

function firstButton(root) {
  return root?.querySelector("button:not([hidden])");
}
