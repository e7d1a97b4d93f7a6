// The LoRAs of the next picture: picked from what is there, each with its weight.

import { follow } from "./catalogue.js";
import { byId, clone, setText } from "./dom.js";
import { complaint } from "./limits.js";
import { showSlider } from "./sliders.js";

const SHOWN_WORDS = 6;

/** Knows which LoRAs are picked; calls `onChange()`, and `onWord(word)` for trigger words. */
export class Loras {
  names = ["loras"];

  constructor({ onChange, onWord }) {
    Object.assign(this, { onChange, onWord, there: [], picked: [], limits: null });
    this.select = byId("loras");
    this.select.addEventListener("change", () => this.add(this.select.value));
    follow("loras", ({ loras }) => this.take(loras));
  }

  /** Take how many there may be, and how much each may weigh. */
  setLimits({ loras }) {
    this.limits = loras;
    this.render();
  }

  /** Give the picked ones as a request has them. */
  read() {
    return { loras: this.picked.map(({ name, weight }) => ({ name, weight })) };
  }

  /** Take the ones of a request. */
  write({ loras }) {
    if (!loras) return;
    this.picked = loras.map(({ name, weight }) => ({ name, weight }));
    this.render();
  }

  /** Say what is wrong with a weight. */
  complaints() {
    for (const { name, weight } of this.picked) {
      const said = complaint(weight, this.limits.weight);
      if (said) return { loras: `${name}: ${said}` };
    }
    return {};
  }

  take(loras) {
    this.there = loras;
    this.render();
  }

  add(name) {
    this.picked.push({ name, weight: this.limits?.weight.default ?? 1 });
    this.render();
    byId("lora-list").lastElementChild.querySelector("input").focus();
    this.onChange();
  }

  remove(use) {
    this.picked = this.picked.filter((other) => other !== use);
    this.render();
    (this.select.disabled ? byId("loras-summary") : this.select).focus();
    this.onChange();
  }

  render() {
    const amount = this.picked.length;
    byId("loras-fold").hidden = !this.there.length && !amount;
    const names = this.picked.map(({ name }) => name).join(", ");
    setText(byId("loras-summary-text"), names || "none");
    byId("lora-list").replaceChildren(...this.picked.map((use) => this.row(use)));
    const left = this.there.filter(({ name }) => !this.picked.some((use) => use.name === name));
    const options = left.map((lora) => new Option(titleOf(lora), lora.name));
    this.select.replaceChildren(new Option(amount ? "Add another…" : "Add one…", ""), ...options);
    this.select.disabled = !left.length || amount >= (this.limits?.maxItems ?? Infinity);
  }

  row(use) {
    const { root, part } = clone("lora-template");
    const lora = this.there.find(({ name }) => name === use.name);
    setText(part("name"), lora ? titleOf(lora) : `${use.name} (not here now)`);
    part("weight").setAttribute("aria-label", `Weight of ${use.name}`);
    part("slider").setAttribute("aria-label", `Weight of ${use.name}, as a slider`);
    part("remove").setAttribute("aria-label", `Remove ${use.name}`);
    part("remove").addEventListener("click", () => this.remove(use));
    this.weigh(use, part);
    const words = lora?.trigger_words.slice(0, SHOWN_WORDS) ?? [];
    part("words").append(...words.map((word) => this.word(word)));
    part("words").hidden = words.length === 0;
    return root;
  }

  weigh(use, part) {
    const { minimum, maximum } = this.limits?.weight ?? {};
    for (const input of [part("weight"), part("slider")]) {
      Object.assign(input, { min: minimum ?? "", max: maximum ?? "" });
      input.addEventListener("input", () => {
        use.weight = input.value === "" ? NaN : Number(input.value);
        if (input === part("slider")) part("weight").value = input.value;
        showSlider(part("slider"), part("weight").value);
        this.onChange();
      });
    }
    part("weight").value = use.weight;
    showSlider(part("slider"), use.weight);
  }

  word(word) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "chip", textContent: word });
    button.title = `Put “${word}” into the prompt`;
    button.addEventListener("click", () => this.onWord(word));
    return button;
  }
}

function titleOf({ name, title }) {
  return title && title !== name ? `${title} (${name})` : name;
}
