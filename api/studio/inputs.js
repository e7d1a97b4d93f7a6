// Pictures that requests begin with, as data URLs. A request holds a short id in place of each; the
// server knows some of them by the `sha256:…` that it has given them.

import { PictureStore } from "./picture_store.js";

const DATABASE = "studio-inputs";
const MOST_KEPT = 30;

const held = new Map(); // For browsers that keep nothing.
let store = null;

/** Keep a picture, under a new id if it has none yet; gives the id. */
export function keepInput(url, id = `local:${Date.now()}-${Math.random()}`) {
  held.set(id, url);
  put(id, url).catch(() => {});
  return id;
}

/** Give the picture with this id, or nothing. */
export async function inputOf(id) {
  if (id.startsWith("data:") || held.has(id)) return held.get(id) ?? id;
  try {
    return (await (await opened()).get(id))?.url;
  } catch {
    return undefined;
  }
}

/** Give the request with its pictures themselves, as far as this browser has them. */
export async function withInputs(request) {
  const whole = { ...request };
  for (const name of ["init_image", "mask"]) {
    if (request[name]) whole[name] = (await inputOf(request[name])) ?? request[name];
  }
  return whole;
}

/** Keep the pictures of a request under what the server calls them. */
export async function learnInputs(request, job) {
  for (const name of ["init_image", "mask"]) {
    const url = request[name] && (await inputOf(request[name]));
    if (url && job.request[name]) keepInput(url, job.request[name]);
  }
}

async function put(id, url) {
  const pictures = await opened();
  await pictures.put({ id, url, finished_at: new Date().toISOString() });
  for (const old of (await pictures.ids()).slice(MOST_KEPT)) await pictures.remove(old);
}

function opened() {
  return (store ??= PictureStore.open(DATABASE));
}
