// What is wrong with the form's values, said beside the fields that it concerns.

import { byId, setText } from "./dom.js";

const WRONG = '[aria-invalid="true"]';

/** Say what is wrong, by the name of the field, and go to the first that is. */
export function showMistakes(form, texts) {
  for (const [name, text] of Object.entries(texts)) {
    form.elements[name].setAttribute("aria-invalid", "true");
    setText(byId(`${name}-error`), text);
  }
  for (const fold of form.querySelectorAll("details")) {
    if (fold.querySelector(WRONG)) fold.open = true;
  }
  const first = form.querySelector(WRONG);
  first?.focus();
  if (first) byId(`${first.name}-error`).scrollIntoView({ block: "nearest" });
}

/** Say nothing about these fields any more. */
export function clearMistakes(form, names) {
  for (const name of names) {
    form.elements[name].removeAttribute("aria-invalid");
    setText(byId(`${name}-error`), "");
  }
}
