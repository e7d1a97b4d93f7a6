// Lists of what this service has to choose from: schedulers, LoRAs, models.

import { requestQuietly } from "./api.js";
import { persist } from "./backoff.js";
import { keyChanges } from "./key.js";

/** Hand a list of the API over, again when somebody comes back to the page or has a new key. */
export function follow(path, onList) {
  let looking = null;
  const look = () => (looking ??= read(path, onList).finally(() => (looking = null)));
  addEventListener("focus", look);
  keyChanges.addEventListener("change", look);
  look();
}

async function read(path, onList) {
  try {
    onList(await persist(() => requestQuietly(path)));
  } catch {
    // Without the list the page offers less, and works.
  }
}
