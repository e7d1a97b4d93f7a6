// The seed's field: empty for a random one, a die that draws one, a lock that keeps it.

import { byId, setText } from "./dom.js";
import { recall, remember } from "./memory.js";

const KEPT = "seed-locked";
const SEEDS = 2 ** 32;
const HINTS = {
  empty: "new each time",
  once: "for the next one",
  locked: "for every one",
};

/** Decides what becomes of the seed; calls `onChange` where it has changed it. */
export class Seed {
  constructor(onChange) {
    Object.assign(this, { onChange, input: byId("seed"), isLocked: recall(KEPT, false) });
    byId("dice").addEventListener("click", () => this.draw());
    byId("lock").addEventListener("click", () => this.toggle());
  }

  /** Take a seed and keep it. */
  keep(seed) {
    this.lock(true);
    this.input.value = seed;
  }

  /** A seed that somebody types is one to keep. */
  typed() {
    this.lock(this.input.value !== "");
  }

  /** Keep no seed any more. */
  release() {
    this.lock(false);
    this.input.value = "";
  }

  /** A picture with this seed was asked for: one that is not locked was for this one. */
  sent(seed) {
    if (!this.isLocked && this.input.value === String(seed)) this.input.value = "";
  }

  /** Show how it stands. */
  show() {
    const hint = this.isLocked ? "locked" : this.input.value ? "once" : "empty";
    setText(byId("seed-hint"), HINTS[hint]);
    byId("lock").setAttribute("aria-pressed", String(this.isLocked));
    const icon = this.isLocked ? "#icon-locked" : "#icon-unlocked";
    byId("lock").querySelector("use").setAttribute("href", icon);
  }

  draw() {
    this.input.value = crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;
    this.onChange();
  }

  toggle() {
    this.lock(!this.isLocked);
    if (this.isLocked && !this.input.value) this.draw();
    this.onChange();
  }

  lock(isLocked) {
    this.isLocked = isLocked;
    remember(KEPT, isLocked);
  }
}
