// The picture that the next one begins with: chosen, dropped, pasted or taken from the gallery.

import { announce, byId, setText, showText } from "./dom.js";
import { valueOf } from "./field.js";
import { inputOf, keepInput } from "./inputs.js";
import { complaint } from "./limits.js";
import { Mask } from "./mask.js";
import { readPicture } from "./read_picture.js";

const DEFAULT_STRENGTH = 0.75; // The API's own for requests that name none.
const UNREADABLE = "This browser cannot read that as a picture.";
const MASK_GONE = "This browser does not have the mask any more; all of it would change.";
const GONE = "This browser does not have the picture any more that this began with.";

/** Knows the picture, its mask and the strength; `onSize(size)` is told of a new one's size. */
export class StartPicture {
  names = ["init_image", "strength", "mask"];

  constructor({ onChange, onSize }) {
    Object.assign(this, { onChange, onSize, id: "", maskUrl: "", limits: null });
    this.mask = new Mask({ onChange: () => this.masked() });
    this.strength = byId("strength");
    byId("init_image").addEventListener("change", ({ target }) => this.take(target.files[0]));
    byId("start-remove").addEventListener("click", () => this.remove());
    byId("mask").addEventListener("click", () => this.setMasking(byId("mask-tools").hidden));
    addEventListener("paste", (event) => this.receive(event, event.clipboardData));
    addEventListener("drop", (event) => this.receive(event, event.dataTransfer));
    addEventListener("dragover", (event) => {
      if (event.dataTransfer.types.includes("Files")) event.preventDefault();
    });
  }

  /** Take between what the strength may be. */
  setLimits({ strength }) {
    this.limits = { ...strength, minimum: strength.exclusiveMinimum, default: DEFAULT_STRENGTH };
  }

  /** Give the fields of a request; none where it begins with no picture. */
  read() {
    if (!this.id) return {};
    const strength = valueOf(this.strength, { type: "number" });
    return { init_image: this.id, strength, ...(this.maskUrl && { mask: this.maskUrl }) };
  }

  /** Take the fields of a request; null is for no picture. */
  write({ init_image: id, strength, mask }) {
    if (strength !== undefined) this.strength.value = strength ?? DEFAULT_STRENGTH;
    if (id) this.restore(id, mask ?? "");
    else if (id === null) this.clear();
  }

  /** Say what is wrong with the strength. */
  complaints({ init_image: id, strength }) {
    const said = id && complaint(strength, this.limits);
    return said ? { strength: said } : {};
  }

  /** Begin with this picture, a blob. */
  async take(blob) {
    if (!blob) return;
    byId("start-fold").open = true;
    try {
      const { url, ...size } = await readPicture(blob);
      this.clear();
      await this.show(keepInput(url), url);
      this.onSize(size);
      byId("start-chosen").scrollIntoView({ block: "nearest" });
      announce("The next picture begins with this one.");
    } catch {
      showText(byId("start-note"), UNREADABLE);
    }
  }

  receive(event, { files }) {
    if (!files.length) return;
    event.preventDefault(); // Else the browser would leave the page for the file.
    if (document.querySelector("dialog[open]")) return;
    this.take([...files].find(({ type }) => type.startsWith("image/")) ?? files[0]);
  }

  // The ids count at once, so that nobody who reads the form meanwhile misses them.
  async restore(id, maskId) {
    Object.assign(this, { id, maskUrl: maskId });
    const [url, maskUrl] = await Promise.all([inputOf(id), maskId && inputOf(maskId)]);
    if (this.id !== id) return;
    if (!url) {
      this.clear();
      showText(byId("start-note"), GONE);
      this.onChange();
      return;
    }
    await this.show(id, url);
    if (maskUrl) await this.mask.write(maskUrl);
    this.setMasking(Boolean(maskUrl));
    if (maskId && !maskUrl) showText(byId("start-note"), MASK_GONE);
  }

  async show(id, url) {
    this.id = id;
    const image = byId("start-image");
    image.src = url;
    await image.decode();
    this.mask.fit({ width: image.naturalWidth, height: image.naturalHeight });
    this.render();
  }

  remove() {
    this.clear();
    byId("init_image").focus();
    this.onChange();
  }

  clear() {
    Object.assign(this, { id: "", maskUrl: "" });
    byId("init_image").value = "";
    showText(byId("start-note"), "");
    this.setMasking(false);
  }

  masked() {
    this.maskUrl = this.mask.read();
    this.render();
    this.onChange();
  }

  setMasking(isMasking) {
    byId("mask-tools").hidden = byId("mask-canvas").hidden = !isMasking;
    byId("mask").setAttribute("aria-pressed", String(isMasking));
    const had = this.maskUrl;
    if (!isMasking) this.maskUrl = "";
    else if (!had) this.maskUrl = this.mask.read();
    this.render();
    if (this.maskUrl !== had) this.onChange();
  }

  render() {
    byId("start-drop").hidden = Boolean(this.id);
    byId("start-chosen").hidden = !this.id;
    const state = this.maskUrl ? "a part of one" : "one";
    setText(byId("start-state"), this.id ? state : "none");
  }
}
