// The dialog that shows a picture, everything that it was made with, and what can be done with it.

import { copy } from "./clipboard.js";
import { curlOf, fileNameOf } from "./curl.js";
import { announce, byId, setText, showText } from "./dom.js";
import { schedulerName } from "./schedulers.js";
import { droppedNote, tokenCount, took } from "./words.js";

const STAGES = {
  queue: "In the queue",
  text: "Reading the prompt",
  denoise: "Painting",
  decode: "Decoding",
  encode: "PNG",
  total: "Altogether",
};
const COPIED_MILLISECONDS = 2000;

/** Shows one picture of a gallery. */
export class PictureDialog {
  /**
   * `onPaint(request)` asks for a picture, `onUse(request)` takes the values into the form, and
   * `onStart(png, request)` the picture itself.
   */
  constructor({ gallery, onPaint, onUse, onStart }) {
    Object.assign(this, { gallery, onPaint, onUse, onStart, picture: null });
    this.dialog = byId("picture");
    const actions = {
      newer: () => this.step(-1),
      older: () => this.step(1),
      close: () => this.dialog.close(),
      vary: () => this.paint({ ...this.request, seed: undefined }),
      again: () => this.paint(this.request),
      use: () => this.use(),
      start: () => this.start(),
      curl: () => this.copyCurl(),
      delete: () => this.remove(),
    };
    for (const [name, action] of Object.entries(actions)) {
      byId(`picture-${name}`).addEventListener("click", action);
    }
    byId("picture-delete").addEventListener("blur", () => this.calmDown());
    this.dialog.addEventListener("click", ({ target }) => this.closeOutside(target));
    this.dialog.addEventListener("keydown", (event) => this.onKey(event));
  }

  get request() {
    return this.picture.job.request;
  }

  /** Show a picture. */
  open(picture) {
    this.picture = picture;
    const { job } = picture;
    const image = byId("picture-image");
    image.src = this.gallery.urlOf(picture);
    image.alt = job.request.prompt;
    Object.assign(image, { width: job.request.width, height: job.request.height });
    setText(byId("picture-title"), job.request.prompt);
    showText(byId("picture-note"), droppedNote(job.result));
    byId("picture-flagged").hidden = !job.result.flagged;
    byId("picture-facts").replaceChildren(...factsOf(job).flatMap(row));
    byId("picture-download").href = image.src;
    byId("picture-download").download = fileNameOf(job.request);
    this.showPlace();
    this.calmDown();
    if (!this.dialog.open) this.dialog.showModal();
  }

  showPlace() {
    const { pictures } = this.gallery;
    setText(byId("picture-place"), `${pictures.indexOf(this.picture) + 1} of ${pictures.length}`);
    byId("picture-newer").disabled = !this.gallery.neighbour(this.picture, -1);
    byId("picture-older").disabled = !this.gallery.neighbour(this.picture, 1);
  }

  // What lies outside of the dialog, its backdrop, is the dialog itself to a click.
  closeOutside(target) {
    if (target === this.dialog) this.dialog.close();
  }

  step(distance) {
    const neighbour = this.gallery.neighbour(this.picture, distance);
    if (!neighbour) return;
    this.open(neighbour);
    announce(neighbour.job.request.prompt);
  }

  onKey(event) {
    if (event.key === "ArrowLeft") this.step(-1);
    if (event.key === "ArrowRight") this.step(1);
  }

  paint(request) {
    this.dialog.close();
    this.onPaint(request);
  }

  use() {
    this.dialog.close();
    this.onUse(this.request);
  }

  start() {
    this.dialog.close();
    this.onStart(this.picture.png, this.request);
  }

  async copyCurl() {
    const button = byId("picture-curl");
    const copied = await copy(curlOf(this.picture.job));
    setText(button, copied ? "Copied" : "Cannot copy");
    announce(copied ? "Copied" : "Cannot copy");
    setTimeout(() => setText(button, "Copy as curl"), COPIED_MILLISECONDS);
  }

  remove() {
    const button = byId("picture-delete");
    if (button.dataset.sure !== "true") {
      button.dataset.sure = "true";
      setText(button, "Delete for good?");
      return;
    }
    this.dialog.close();
    this.gallery.remove(this.picture);
  }

  calmDown() {
    byId("picture-delete").dataset.sure = "false";
    setText(byId("picture-delete"), "Delete");
  }
}

function factsOf({ id, request, result, finished_at, attempt }) {
  const { build, timings } = result;
  return [
    ["Prompt", request.prompt],
    ["Negative prompt", request.negative_prompt || "none"],
    ["Tokens", tokensOf(result)],
    ["Size", `${request.width} × ${request.height}`],
    ["Steps", request.num_inference_steps],
    ["Guidance", request.guidance_scale],
    ["Seed", request.seed],
    ["Scheduler", schedulerName(request.scheduler)],
    ...begun(request),
    ...(result.loras ?? []).map(({ name, weight }) => ["LoRA", `${name}, ${weight}`]),
    ...checked(result),
    ["Model", build.model],
    ["Revision", build.model_revision],
    ["Device", [...new Set([build.device, build.device_name])].join(", ")],
    ["Precision", build.dtype],
    ...Object.entries(timings).map(([stage, seconds]) => [STAGES[stage] ?? stage, took(seconds)]),
    ["Attempts", attempt],
    ["Finished", new Date(finished_at).toLocaleString()],
    ["Job", id],
  ];
}

function tokensOf({ build, ...result }) {
  const { prompt_tokens: tokens, prompt_chunks: chunks = 1, dropped_text } = result;
  const prompt = tokenCount({ tokens, chunks, dropped_text }, build.chunk_tokens ?? 75);
  const negative = result.negative_prompt_tokens;
  return negative ? `${prompt}; ${negative} of the negative prompt` : prompt;
}

function begun({ init_image: picture, mask, strength }) {
  if (!picture) return [];
  return [
    ["Began with", mask ? "a picture, a part of which was painted anew" : "a picture"],
    ["Strength", strength],
  ];
}

function checked({ flagged = null }) {
  if (flagged === null) return [];
  return [["Safety checker", flagged ? "took offence" : "passed"]];
}

function row([name, value]) {
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  setText(term, name);
  setText(description, String(value));
  return [term, description];
}
