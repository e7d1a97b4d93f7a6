// The form: what is asked for, remembered between visits, checked against the API's limits.

import { byId, setText, showText } from "./dom.js";
import { complaint } from "./limits.js";
import { recall, remember } from "./memory.js";
import { clearMistakes, showMistakes } from "./mistakes.js";
import { Seed } from "./seed.js";
import { installPresets, showPreset } from "./size.js";
import { followSlider, showSliders } from "./sliders.js";
import { schedulerName } from "./words.js";

const KEPT = "form";
const TEXTS = ["prompt", "negative_prompt"];
const SETTINGS = [
  "width",
  "height",
  "num_inference_steps",
  "guidance_scale",
  "seed",
  "scheduler",
];
const FIELDS = [...TEXTS, ...SETTINGS];

/** Reads requests from the form; `onPaint(request)` is called for those without a mistake. */
export class PictureForm {
  constructor({ onPaint }) {
    this.onPaint = onPaint;
    this.limits = null; // In the first moment.
    this.isWanted = false;
    this.root = byId("form");
    this.seed = new Seed(() => this.changed());
    this.root.addEventListener("submit", (event) => this.submit(event));
    this.root.addEventListener("input", (event) => this.onInput(event));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    byId("reset").addEventListener("click", () => this.reset());
    byId("swap").addEventListener("click", () => this.swap());
    this.write(recall(KEPT, {}));
    this.seed.show();
  }

  /** Take what the API takes; what was typed and clicked before that counts. */
  setLimits(limits) {
    const kept = recall(KEPT, {});
    const known = FIELDS.map((name) => [name, this.field(name).value || kept[name]]);
    this.limits = limits;
    this.offerSchedulers(limits.scheduler.enum);
    for (const name of FIELDS) this.bound(name);
    installPresets(limits, (size) => this.change(size));
    this.write({ ...this.defaults(FIELDS), ...withoutEmpty(known) });
    this.changed();
    if (this.isWanted) this.submit();
  }

  /** Take the values of a request, and keep its seed. */
  use(request) {
    this.seed.keep(request.seed);
    this.change({ negative_prompt: "", ...request });
    this.field("prompt").focus();
  }

  /** Take some values. */
  change(values) {
    this.write(values);
    clearMistakes(this.root, FIELDS);
    this.changed();
  }

  /** Say at the fields what is wrong with them; gives what has no field. */
  showErrors(errors) {
    const [ours, others] = [{}, {}];
    for (const [name, text] of Object.entries(errors)) {
      (FIELDS.includes(name) ? ours : others)[name] = text;
    }
    clearMistakes(this.root, FIELDS);
    showMistakes(this.root, ours);
    return others;
  }

  /** Say below the prompt what of it the model did not read, while it is still there. */
  showDropped({ prompt }, note) {
    if (this.field("prompt").value === prompt) showText(byId("prompt-note"), note);
  }

  /** Let a seed go that was meant for one picture. */
  sent({ seed }) {
    this.seed.sent(seed);
    this.changed();
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
    if (!FIELDS.includes(name)) return;
    if (name === "prompt") showText(byId("prompt-note"), "");
    if (name === "seed") this.seed.typed();
    clearMistakes(this.root, [name]);
    this.changed();
  }

  reset() {
    this.seed.release();
    this.change(this.defaults(SETTINGS));
  }

  swap() {
    this.change({ width: this.field("height").value, height: this.field("width").value });
  }

  changed() {
    if (this.limits) this.keep();
    for (const name of TEXTS) this.countCharacters(name);
    showSliders(this.root);
    showPreset(this.field("width").value, this.field("height").value);
    this.seed.show();
  }

  keep() {
    remember(KEPT, Object.fromEntries(FIELDS.map((name) => [name, this.field(name).value])));
  }

  read() {
    return withoutEmpty(FIELDS.map((name) => [name, this.valueOf(name)]));
  }

  valueOf(name) {
    const { value, validity } = this.field(name);
    if (value === "" && !validity.badInput) return undefined;
    if (this.limits[name].type === "string") return value;
    return value.trim() === "" ? NaN : Number(value);
  }

  complaints(request) {
    const said = FIELDS.map((name) => [name, complaint(request[name], this.limits[name])]);
    return Object.fromEntries(said.filter(([, text]) => text));
  }

  defaults(names) {
    return Object.fromEntries(names.map((name) => [name, this.limits?.[name].default ?? ""]));
  }

  write(values) {
    for (const name of FIELDS) {
      if (values[name] !== undefined) this.field(name).value = values[name] ?? "";
    }
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

  offerSchedulers(values) {
    const options = values.map((value) => new Option(schedulerName(value), value));
    this.field("scheduler").replaceChildren(...options);
  }

  countCharacters(name) {
    const length = [...this.field(name).value].length;
    const { maxLength } = this.limits?.[name] ?? {};
    setText(byId(`${name}-count`), maxLength && length ? `${length} / ${maxLength}` : "");
    byId(`${name}-count`).dataset.over = String(length > maxLength);
  }
}

function withoutEmpty(entries) {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ""));
}
