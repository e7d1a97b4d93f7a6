// One unfinished job in the queue strip: what is known of it, and how that looks.

import { askedFor } from "./asked.js";
import { announce, clone, setText } from "./dom.js";
import { about, facts, failureText, head, place } from "./words.js";

const TICK_MILLISECONDS = 1000;
const NOT_STORED = "It is painted, but its store does not answer. Trying again…";

/** Shows a job; its buttons call `onCancel`, `onRetry`, `onUnlock` and `onDismiss`. */
export class Card {
  constructor(id, request, actions) {
    const { root, part } = clone("card-template");
    Object.assign(this, { id, request, root, part, asked: request });
    Object.assign(this, { state: "", position: null, attempt: 0, trouble: "", ended: "" });
    Object.assign(this, { step: 0, total: request.num_inference_steps, fraction: 0, due: null });
    root.dataset.job = id;
    for (const name of ["cancel", "retry", "unlock", "dismiss"]) {
      part(name).addEventListener("click", actions[name]);
    }
    part("bar").setAttribute("aria-label", `Progress of “${head(request.prompt)}”`);
    part("preview").parentElement.style.setProperty("--ratio", request.width / request.height);
    this.timer = setInterval(() => this.render(), TICK_MILLISECONDS);
    this.render();
  }

  /** Take the job as the API gives it. */
  takeJob(job) {
    this.request = job.request;
    this.asked = askedFor(job);
    this.attempt = job.attempt;
    this.takeProgress(job.progress);
    this.take({ state: job.state, position: job.position, eta_seconds: job.eta_seconds });
  }

  /** Take one of the job's events. */
  takeEvent(name, data) {
    if (name === "preview") this.showPreview(data);
    if (name === "queued") this.take({ ...data, state: "queued" });
    if (name === "started") this.start(data);
    if (name === "step") this.takeStep(data);
    if (name === "canceling") this.take({ state: "canceling" });
  }

  /** Take that the connection is lost, or that a key is needed; or nothing of the kind. */
  takeTrouble(word) {
    this.trouble = word;
    this.render();
  }

  /** Take why the job failed. */
  fail(error) {
    if (error.type === "content_blocked") {
      this.asked = { ...this.asked, seed: undefined }; // The same one paints the same again.
      setText(this.part("retry"), "Try another seed");
    }
    this.end(failureText(error));
  }

  /** Take that no picture will come, and why. */
  end(text) {
    this.ended = text;
    clearInterval(this.timer);
    this.render();
    announce(text);
  }

  /** Take the card away. */
  remove() {
    clearInterval(this.timer);
    this.root.remove();
  }

  take({ eta_seconds: eta = null, ...known }) {
    if (known.state !== this.state && known.state === "running") {
      announce(`Painting: ${head(this.request.prompt)}`);
    }
    Object.assign(this, known);
    this.due = eta === null ? null : Date.now() + eta * 1000;
    this.render();
  }

  start({ attempt, eta_seconds }) {
    if (attempt > this.attempt) this.takeProgress({ step: 0, total: this.total, fraction: 0 });
    this.take({ state: "running", attempt, eta_seconds });
  }

  takeStep({ eta_seconds, ...progress }) {
    // After a reload the steps that are known already come again.
    if (progress.step < this.step) return;
    this.takeProgress(progress);
    this.take({ state: this.state === "canceling" ? this.state : "running", eta_seconds });
  }

  takeProgress({ step, total, fraction }) {
    Object.assign(this, { step, total, fraction });
  }

  showPreview({ image }) {
    const preview = this.part("preview");
    preview.src = image;
    preview.hidden = false;
  }

  render() {
    const { part, ended } = this;
    setText(part("prompt"), this.request.prompt);
    setText(part("facts"), facts(this.request));
    setText(part("state"), ended || this.sentence());
    part("fill").style.setProperty("--done", this.fraction);
    part("bar").setAttribute("aria-valuenow", Math.round(this.fraction * 100));
    part("bar").setAttribute("aria-valuetext", this.sentence());
    part("bar").hidden = Boolean(ended);
    part("cancel").hidden = Boolean(ended) || this.trouble === "locked";
    // Not disabled, which would lose the focus.
    part("cancel").setAttribute("aria-disabled", String(this.isEnding));
    part("retry").hidden = part("dismiss").hidden = !ended;
    part("unlock").hidden = Boolean(ended) || this.trouble !== "locked";
    this.root.dataset.state = ended ? "ended" : this.trouble || this.state || "unknown";
  }

  get isEnding() {
    return this.state === "canceling" || this.state === "succeeded";
  }

  sentence() {
    if (this.trouble === "locked") return "The service wants a key.";
    if (this.trouble === "storing") return NOT_STORED;
    if (this.trouble) return "Connection lost. Reconnecting…";
    if (this.state === "queued") return this.withEta(place(this.position));
    if (this.state === "running" && this.step === 0) return this.withEta("Starting");
    if (this.state === "running" && this.step >= this.total) return "Finishing";
    if (this.state === "running") return this.withEta(`Step ${this.step} of ${this.total}`);
    if (this.state === "canceling") return "Stopping…";
    return this.state === "succeeded" ? "Fetching the picture…" : "Looking for it…";
  }

  withEta(text) {
    if (this.due === null) return text;
    return `${text} · ${about((this.due - Date.now()) / 1000)}`;
  }
}
