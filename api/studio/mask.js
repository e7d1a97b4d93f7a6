// A mask painted by hand over the picture to begin with: by pointer, or by arrows and Space.

import { byId } from "./dom.js";
import { showSlider } from "./sliders.js";

const COLOUR = "rgb(225 40 150)";
const LONGEST_SIDE = 768;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A canvas to paint on; `onChange()` is called after every stroke. */
export class Mask {
  constructor({ onChange }) {
    const canvas = byId("mask-canvas");
    Object.assign(this, { onChange, canvas, at: null, isPainting: false });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(this.pointOf(event)));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => this.end());
    }
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    for (const name of ["pointerleave", "blur"]) {
      canvas.addEventListener(name, () => (byId("brush").hidden = true));
    }
    const size = byId("brush-size");
    size.addEventListener("input", () => showSlider(size, size.value));
    showSlider(size, size.value);
    byId("mask-clear").addEventListener("click", () => this.clear());
    byId("mask-invert").addEventListener("click", () => this.invert());
  }

  /** Begin with an empty mask for a picture of this size. */
  fit({ width, height }) {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    this.at = null;
  }

  /** Give the mask as a data URL, white where it is painted; nothing where nothing is. */
  read() {
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    for (let index = 3; index < data.length; index += 4) {
      if (data[index] > 127) return tinted(this.canvas, "white").toDataURL("image/png");
    }
    return "";
  }

  /** Show a mask. */
  async write(url) {
    const image = new Image();
    image.src = url;
    await image.decode();
    const { width, height } = this.canvas;
    const painted = document.createElement("canvas");
    Object.assign(painted, { width, height });
    painted.getContext("2d").drawImage(image, 0, 0, width, height);
    this.context.clearRect(0, 0, width, height);
    this.context.drawImage(tinted(painted, COLOUR), 0, 0);
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.onChange();
  }

  invert() {
    this.context.globalCompositeOperation = "xor";
    this.context.fillStyle = COLOUR;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.globalCompositeOperation = "source-over";
    this.onChange();
  }

  begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.isPainting = true;
    this.at = null;
    this.move(this.pointOf(event));
  }

  move(point) {
    if (this.isPainting) this.stroke(this.at ?? point, point);
    this.at = point;
    this.showBrush();
  }

  end() {
    if (this.isPainting) this.onChange();
    this.isPainting = false;
  }

  onKey(event) {
    const { width, height } = this.canvas;
    this.at ??= { x: width / 2, y: height / 2 };
    if (event.key === " ") this.dot();
    else if (ARROWS[event.key]) this.step(ARROWS[event.key]);
    else return;
    event.preventDefault();
  }

  dot() {
    this.stroke(this.at, this.at);
    this.onChange();
  }

  step([right, down]) {
    const { width, height } = this.canvas;
    const distance = this.brush / 3;
    const within = (value, most) => Math.min(most, Math.max(0, value));
    this.at = {
      x: within(this.at.x + right * distance, width),
      y: within(this.at.y + down * distance, height),
    };
    this.showBrush();
  }

  stroke(from, to) {
    const { context } = this;
    Object.assign(context, { strokeStyle: COLOUR, lineWidth: this.brush, lineCap: "round" });
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x + 0.01, to.y); // One of no length would not be drawn.
    context.stroke();
  }

  showBrush() {
    const { width, height } = this.canvas;
    const { style } = byId("brush");
    style.setProperty("left", `${(100 * this.at.x) / width}%`);
    style.setProperty("top", `${(100 * this.at.y) / height}%`);
    style.setProperty("width", `${(100 * this.brush) / width}%`);
    byId("brush").hidden = false;
  }

  pointOf({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const x = ((clientX - left) / width) * this.canvas.width;
    return { x, y: ((clientY - top) / height) * this.canvas.height };
  }

  get brush() {
    const shorter = Math.min(this.canvas.width, this.canvas.height);
    return (Number(byId("brush-size").value) / 100) * shorter;
  }
}

function tinted(painted, colour) {
  const copy = document.createElement("canvas");
  Object.assign(copy, { width: painted.width, height: painted.height });
  const context = copy.getContext("2d");
  context.drawImage(painted, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, copy.width, copy.height);
  return copy;
}
