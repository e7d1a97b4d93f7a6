// The gallery: the finished pictures of this browser, newest first.

import { byId, clone, setText, showText } from "./dom.js";
import { PictureStore } from "./picture_store.js";
import { droppedNote, facts } from "./words.js";

const PAGE = 48;
const NOT_KEPT = "This browser keeps no pictures for this page; they are gone when it is closed.";

/** Shows pictures as tiles; `onOpen(picture)` is called for the one that is chosen. */
export class Gallery {
  constructor({ onOpen }) {
    Object.assign(this, { onOpen, store: null, pictures: [], shown: PAGE });
    Object.assign(this, { urls: new Map(), tiles: new Map() });
    byId("gallery-more").addEventListener("click", () => this.showMore());
  }

  /** Bring the pictures of earlier visits. */
  async load() {
    try {
      this.store = await PictureStore.open("studio");
      const kept = await this.store.all();
      this.pictures.push(...kept.filter(({ id }) => !this.find(id)));
    } catch {
      showText(byId("gallery-note"), NOT_KEPT);
    }
    this.render();
  }

  /** Keep a picture and show it first. */
  async add(job, png) {
    const picture = { id: job.id, finished_at: job.finished_at, job, png };
    try {
      await this.store?.put(picture);
    } catch {
      showText(byId("gallery-note"), NOT_KEPT);
    }
    this.pictures = [picture, ...this.pictures.filter(({ id }) => id !== job.id)];
    this.render();
  }

  /** Let go of a picture, and give the focus to one beside it. */
  async remove(picture) {
    const index = this.pictures.indexOf(picture);
    this.pictures.splice(index, 1);
    URL.revokeObjectURL(this.urls.get(picture.id));
    this.urls.delete(picture.id);
    this.render();
    const beside = this.pictures[Math.min(index, this.pictures.length - 1)];
    (this.tiles.get(beside?.id)?.querySelector("button") ?? byId("gallery-title")).focus();
    await this.store?.remove(picture.id);
  }

  /** Give the picture that is `distance` further down, or nothing. */
  neighbour(picture, distance) {
    return this.pictures[this.pictures.indexOf(picture) + distance];
  }

  /** Give an address of the picture's PNG for as long as the page is open. */
  urlOf({ id, png }) {
    if (!this.urls.has(id)) this.urls.set(id, URL.createObjectURL(png));
    return this.urls.get(id);
  }

  find(id) {
    return this.pictures.find((picture) => picture.id === id);
  }

  showMore() {
    const first = this.pictures[this.shown];
    this.shown += PAGE;
    this.render();
    this.tiles.get(first.id).querySelector("button").focus();
  }

  render() {
    const visible = this.pictures.slice(0, this.shown);
    const wanted = new Set(visible.map(({ id }) => id));
    for (const [id, tile] of this.tiles) if (!wanted.has(id)) this.drop(id, tile);
    visible.forEach((picture, index) => this.place(picture, index));
    const amount = this.pictures.length;
    setText(byId("gallery-amount"), amount ? String(amount) : "");
    byId("gallery-empty").hidden = amount > 0;
    byId("gallery-more").hidden = amount <= this.shown;
  }

  place(picture, index) {
    if (!this.tiles.has(picture.id)) this.tiles.set(picture.id, this.tileOf(picture));
    const tile = this.tiles.get(picture.id);
    const list = byId("gallery");
    // Only what is in the wrong place is moved, so that the focus stays where it is.
    if (list.children[index] !== tile) list.insertBefore(tile, list.children[index] ?? null);
  }

  drop(id, tile) {
    tile.remove();
    this.tiles.delete(id);
  }

  tileOf(picture) {
    const { root, part } = clone("tile-template");
    const { request, result } = picture.job;
    part("image").src = this.urlOf(picture);
    setText(part("prompt"), request.prompt);
    part("flagged").hidden = !result.flagged;
    setText(part("facts"), facts(request) + (droppedNote(result) ? " · prompt cut" : ""));
    root.querySelector("button").addEventListener("click", () => this.onOpen(picture));
    return root;
  }
}
