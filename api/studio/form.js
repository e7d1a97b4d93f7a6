// The form: what is asked for, remembered between visits, checked against the API's limits.

import { byId, setText } from "./dom.js";
import { heldBy, hold, valueOf } from "./field.js";
import { complaint } from "./limits.js";
import { Loras } from "./loras.js";
import { recall, remember } from "./memory.js";
import { clearMistakes, showMistakes } from "./mistakes.js";
import { Models } from "./models.js";
import { Schedulers } from "./schedulers.js";
import { Seed } from "./seed.js";
import { installPresets, showPreset, sizeLike } from "./size.js";
import { followSlider, showSliders } from "./sliders.js";
import { StartPicture } from "./start_picture.js";
import { TokenCounter } from "./tokens.js";

const KEPT = "form";
const TEXTS = ["prompt", "negative_prompt"];
const SETTINGS = [
  "width",
  "height",
  "num_inference_steps",
  "guidance_scale",
  "seed",
  "scheduler",
  "priority",
  "webhook_url",
  "embed_metadata",
];
const FIELDS = [...TEXTS, ...SETTINGS];
const SHARE_THAT_IS_CLOSE = 0.8;

/** Reads requests from the form; `onPaint(request)` is called for those without a mistake. */
export class PictureForm {
  constructor({ onPaint }) {
    this.onPaint = onPaint;
    this.limits = null; // In the first moment.
    this.isWanted = false;
    this.root = byId("form");
    this.seed = new Seed(() => this.changed());
    this.tokens = new TokenCounter();
    this.schedulers = new Schedulers();
    this.parts = this.installParts();
    this.root.addEventListener("submit", (event) => this.submit(event));
    this.root.addEventListener("input", (event) => this.onInput(event));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    byId("reset").addEventListener("click", () => this.reset());
    byId("swap").addEventListener("click", () => this.swap());
    this.write(recall(KEPT, {}));
    this.seed.show();
  }

  get names() {
    return [...FIELDS, ...this.parts.flatMap(({ names }) => names)];
  }

  /** Take what the API takes; what was typed and clicked before that counts. */
  setLimits(limits) {
    const kept = recall(KEPT, {});
    const known = FIELDS.map((name) => [name, heldBy(this.field(name)) || kept[name]]);
    this.limits = limits;
    this.schedulers.offer(limits.scheduler.enum);
    for (const name of FIELDS) this.bound(name);
    for (const part of this.parts) part.setLimits(limits);
    installPresets(limits, (size) => this.change(size));
    this.write({ ...this.defaults(FIELDS), ...withoutEmpty(known) });
    this.changed();
    if (this.isWanted) this.submit();
  }

  /** Take the values of a request, and keep its seed. */
  use(request) {
    this.seed.keep(request.seed);
    this.change({ negative_prompt: "", loras: [], init_image: null, model: null, ...request });
    this.field("prompt").focus();
  }

  /** Begin the next picture with this one; its prompt is taken where there is none. */
  startFrom(png, { prompt }) {
    this.start.take(png);
    if (!this.field("prompt").value.trim()) this.change({ prompt });
    byId("start-summary").focus();
  }

  /** Take some values. */
  change(values, cleared = this.names) {
    this.write(values);
    clearMistakes(this.root, cleared);
    this.changed();
  }

  /** Say at the fields what is wrong with them; gives what has no field. */
  showErrors(errors) {
    const [ours, others] = [{}, {}];
    for (const [name, text] of Object.entries(errors)) {
      (this.names.includes(name) ? ours : others)[name] = text;
    }
    clearMistakes(this.root, this.names);
    showMistakes(this.root, ours);
    return others;
  }

  /** Let a seed go that was meant for one picture. */
  sent({ seed }) {
    this.seed.sent(seed);
    this.changed();
  }

  // The fields that are more than one element.
  installParts() {
    const told = (part) => this.change({}, part.names);
    const loras = new Loras({
      onChange: () => told(loras),
      onWord: (word) => this.addWord(word),
    });
    const models = new Models({ onChange: () => told(models) });
    this.models = models;
    this.start = new StartPicture({
      onChange: () => told(this.start),
      onSize: (size) => this.change(this.limits ? sizeLike(size, this.limits) : {}),
    });
    return [models, this.start, loras];
  }

  field(name) {
    return this.root.elements[name];
  }

  submit(event) {
    event?.preventDefault();
    this.isWanted = !this.limits;
    if (this.isWanted) return;
    const request = this.read();
    const errors = this.complaints(request);
    this.showErrors(errors);
    if (Object.keys(errors).length === 0) this.onPaint(request);
  }

  onKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.submit();
  }

  onInput({ target }) {
    const name = target.dataset.mirrors ? followSlider(this.root, target) : target.name;
    if (!this.names.includes(name)) return;
    if (name === "seed") this.seed.typed();
    clearMistakes(this.root, [name]);
    this.changed();
  }

  reset() {
    this.seed.release();
    this.change({ loras: [], model: null, strength: null, ...this.defaults(SETTINGS) });
  }

  swap() {
    this.change({ width: this.field("height").value, height: this.field("width").value });
  }

  addWord(word) {
    const before = this.field("prompt").value.trimEnd().replace(/,$/, "");
    this.change({ prompt: [before, word].filter(Boolean).join(", ") }, ["prompt"]);
  }

  changed() {
    if (this.limits) this.keep();
    for (const name of TEXTS) this.countCharacters(name);
    const texts = TEXTS.map((name) => [name, this.field(name).value]);
    this.tokens.take({ ...Object.fromEntries(texts), ...this.models.read() });
    this.schedulers.show();
    showSliders(this.root);
    showPreset(this.field("width").value, this.field("height").value);
    this.seed.show();
  }

  keep() {
    const held = FIELDS.map((name) => [name, heldBy(this.field(name))]);
    remember(KEPT, { ...Object.fromEntries(held), ...this.readParts() });
  }

  read() {
    const values = FIELDS.map((name) => [name, valueOf(this.field(name), this.limits[name])]);
    return { ...withoutEmpty(values), ...this.readParts() };
  }

  readParts() {
    return Object.assign({}, ...this.parts.map((part) => part.read()));
  }

  complaints(request) {
    const said = FIELDS.map((name) => [name, complaint(request[name], this.limits[name])]);
    const own = Object.fromEntries(said.filter(([, text]) => text));
    return Object.assign(own, ...this.parts.map((part) => part.complaints(request)));
  }

  defaults(names) {
    return Object.fromEntries(names.map((name) => [name, this.limits?.[name].default ?? ""]));
  }

  write(values) {
    for (const name of FIELDS) {
      if (values[name] !== undefined) hold(this.field(name), values[name]);
    }
    for (const part of this.parts) part.write(values);
  }

  bound(name) {
    const { minimum, maximum, multipleOf } = this.limits[name];
    const inputs = this.root.querySelectorAll(`[name="${name}"], [data-mirrors="${name}"]`);
    for (const input of inputs) {
      if (minimum !== undefined) input.min = minimum;
      if (maximum !== undefined) input.max = maximum;
      if (multipleOf) input.step = multipleOf;
    }
  }

  countCharacters(name) {
    const length = [...this.field(name).value].length;
    const { maxLength } = this.limits?.[name] ?? {};
    const isClose = length > maxLength * SHARE_THAT_IS_CLOSE;
    setText(byId(`${name}-count`), isClose ? `${length} / ${maxLength}` : "");
    byId(`${name}-count`).dataset.over = String(length > maxLength);
  }
}

function withoutEmpty(entries) {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ""));
}
