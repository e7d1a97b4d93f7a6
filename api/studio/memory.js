// What this browser remembers between visits: small values, each under a name.

const PREFIX = "studio.";

/** Give what was remembered under this name. */
export function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise; // The browser keeps nothing for us, or it was meddled with.
  }
}

/** Remember a value; null forgets it. */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Without storage the page works until it is closed.
  }
}

/** Be called when another tab has changed this name's value. */
export function onChangeElsewhere(name, listener) {
  addEventListener("storage", (event) => {
    if (event.key === PREFIX + name) listener();
  });
}
