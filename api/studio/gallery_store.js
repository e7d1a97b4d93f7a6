// The pictures that this browser keeps: the PNG and its job, in IndexedDB.

const DATABASE = "studio";
const PICTURES = "pictures";
const BY_TIME = "finished_at";

/** Keeps pictures as `{ id, finished_at, job, png }`. */
export class GalleryStore {
  constructor(database) {
    this.database = database;
  }

  /** Open the store; raises where this browser keeps nothing. */
  static async open() {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => {
      const pictures = opening.result.createObjectStore(PICTURES, { keyPath: "id" });
      pictures.createIndex(BY_TIME, BY_TIME);
    };
    return new GalleryStore(await done(opening));
  }

  /** Give every picture, the newest first. */
  async all() {
    return (await done(this.pictures("readonly").index(BY_TIME).getAll())).reverse();
  }

  /** Keep a picture; one with the same id is replaced. */
  put(picture) {
    return done(this.pictures("readwrite").put(picture));
  }

  /** Let go of a picture. */
  remove(id) {
    return done(this.pictures("readwrite").delete(id));
  }

  pictures(mode) {
    return this.database.transaction(PICTURES, mode).objectStore(PICTURES);
  }
}

function done(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
