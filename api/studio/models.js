// Which model paints, where there is more than one.

import { follow } from "./catalogue.js";
import { byId, showText } from "./dom.js";

const COLD = "Not loaded yet: its first picture takes longer.";

/** Offers the models; `onChange()` is told when another is chosen. */
export class Models {
  names = ["model"];

  constructor({ onChange }) {
    Object.assign(this, { there: [], wanted: "", select: byId("model") });
    this.select.addEventListener("change", () => {
      this.wanted = this.select.value;
      this.render();
      onChange();
    });
    follow("models", (models) => this.take(models));
  }

  setLimits() {}

  /** Give the model as a request has it; the default has no need to be named. */
  read() {
    return this.wanted && this.wanted !== this.usual?.name ? { model: this.wanted } : {};
  }

  /** Take the model of a request; null is for the default. */
  write({ model }) {
    if (model === undefined) return;
    this.wanted = model ?? "";
    this.render();
  }

  complaints() {
    return {};
  }

  get usual() {
    return this.there.find((model) => model.default);
  }

  take(models) {
    this.there = models;
    this.render();
  }

  render() {
    const names = this.there.map(({ name }) => name);
    const isGone = this.wanted && names.length && !names.includes(this.wanted);
    const options = names.map((name) => new Option(name, name));
    if (isGone) options.push(new Option(`${this.wanted} (not here now)`, this.wanted));
    this.select.replaceChildren(...options);
    this.select.value = this.wanted || (this.usual?.name ?? "");
    byId("model-field").hidden = options.length < 2;
    const chosen = this.there.find(({ name }) => name === this.select.value);
    showText(byId("model-hint"), chosen && !chosen.warm ? COLD : "");
  }
}
