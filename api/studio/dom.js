// The few things that every part asks of the document.

/** Give the element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Give a copy of what a template holds, and a finder for its parts. */
export function clone(templateId) {
  const root = byId(templateId).content.firstElementChild.cloneNode(true);
  return { root, part: (name) => root.querySelector(`[data-part="${name}"]`) };
}

/** Set a text only where it differs, so that a screen reader does not say it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show a text, or hide the element where there is none. */
export function showText(element, text) {
  setText(element, text);
  element.hidden = !text;
}

/** Say something to people who do not see the page. */
export function announce(text) {
  // What lies outside of an open dialog is silent.
  setText(document.querySelector("dialog[open] [role=status]") ?? byId("announcer"), text);
}
