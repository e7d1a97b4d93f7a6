// The API key: typed once, kept in this browser, asked for when the server wants another.

import { byId, setText } from "./dom.js";
import { onChangeElsewhere, recall, remember } from "./memory.js";

const NEEDED = "It paints for those who have one. Whoever runs it can give you one.";
const KEPT = "Every request to this server carries the key below.";
const NONE = "No key is kept in this browser.";
const REFUSED = "The service did not accept this key.";

let asking = null;
let kept = recall("key", ""); // Held here too, for browsers that keep nothing.

/** Tells by a "change" when another key is kept, or none. */
export const keyChanges = new EventTarget();

/** Give the key, or nothing. */
export function currentKey() {
  return kept;
}

/**
 * Wait until there is another key than the one that was refused.
 * Gives false where whoever was asked has none.
 */
export function obtainKey(refused) {
  if (kept !== refused) return Promise.resolve(true);
  asking ??= ask(refused).finally(() => (asking = null));
  return asking;
}

/** Give the header that carries a key; a header takes bytes, and a key is UTF-8. */
export function authorization(key) {
  if (!key) return {};
  const bytes = String.fromCharCode(...new TextEncoder().encode(key));
  return { Authorization: `Bearer ${bytes}` };
}

/** Let the key be seen to and forgotten at any time. */
export function installKeyPanel() {
  byId("key-button").addEventListener("click", () => show(kept ? KEPT : NONE, ""));
  byId("key-cancel").addEventListener("click", () => panel().close());
  byId("key-forget").addEventListener("click", () => {
    panel().close();
    change("");
  });
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = byId("key-input").value.trim();
    if (!key) {
      complain("Type the key, or choose “Not now”.");
      return;
    }
    panel().close("use");
    change(key);
  });
  onChangeElsewhere("key", () => change(recall("key", "")));
  showButton();
}

function ask(refused) {
  show(NEEDED, refused ? REFUSED : "");
  return new Promise((resolve) => {
    panel().addEventListener("close", () => resolve(panel().returnValue === "use"), { once: true });
  });
}

function show(text, error) {
  setText(byId("key-title"), text === NEEDED ? "This service needs a key" : "The service's key");
  setText(byId("key-text"), text);
  byId("key-input").value = kept;
  byId("key-forget").hidden = !kept;
  panel().returnValue = "";
  if (!panel().open) panel().showModal();
  complain(error);
  byId("key-input").focus();
  byId("key-input").select();
}

function complain(error) {
  setText(byId("key-error"), error);
  byId("key-input").setAttribute("aria-invalid", String(Boolean(error)));
}

function change(key) {
  kept = key;
  remember("key", key || null);
  showButton();
  keyChanges.dispatchEvent(new Event("change"));
}

function showButton() {
  byId("key-button").dataset.kept = String(Boolean(kept));
}

function panel() {
  return byId("key");
}
