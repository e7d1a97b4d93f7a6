// Ready-made sizes, made from the installation's default and what the API takes.

import { byId } from "./dom.js";

/** Offer the sizes; `onChoose({ width, height })` is called for the one that is chosen. */
export function installPresets(limits, onChoose) {
  const buttons = presets(limits).map(({ name, width, height }) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: name });
    Object.assign(button.dataset, { width, height, shape: name.toLowerCase() });
    button.addEventListener("click", () => onChoose({ width, height }));
    return button;
  });
  byId("presets").replaceChildren(...buttons);
}

/** Mark the size that is chosen. */
export function showPreset(width, height) {
  for (const button of byId("presets").children) {
    const isChosen = button.dataset.width === width && button.dataset.height === height;
    button.setAttribute("aria-pressed", String(isChosen));
  }
}

/** Give the size that can be painted and is nearest to a picture's shape. */
export function sizeLike({ width, height }, limits) {
  const fitting = Math.min(1, limits.width.maximum / Math.max(width, height));
  const least = limits.width.minimum / Math.min(width, height);
  const scale = Math.max(fitting, least);
  return {
    width: bounded(width * scale, limits.width),
    height: bounded(height * scale, limits.height),
  };
}

function bounded(value, { minimum, maximum, multipleOf }) {
  return Math.min(maximum, Math.max(minimum, stepped(value, multipleOf)));
}

function presets({ width, height }) {
  const side = Math.min(width.default, height.default);
  const long = (limits) => Math.min(limits.maximum, stepped(side * 1.5, limits.multipleOf));
  return [
    { name: "Square", width: side, height: side },
    { name: "Portrait", width: side, height: long(height) },
    { name: "Landscape", width: long(width), height: side },
  ];
}

function stepped(value, step = 1) {
  return Math.round(value / step) * step;
}
