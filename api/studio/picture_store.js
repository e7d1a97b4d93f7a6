// The pictures that this browser keeps, in IndexedDB.

const PICTURES = "pictures";
const BY_TIME = "finished_at";

/** Keeps pictures as `{ id, finished_at, … }` with whatever else is known of each. */
export class PictureStore {
  constructor(database) {
    this.database = database;
  }

  /** Open the store of this name; raises where this browser keeps nothing. */
  static async open(name) {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
      const pictures = opening.result.createObjectStore(PICTURES, { keyPath: "id" });
      pictures.createIndex(BY_TIME, BY_TIME);
    };
    return new PictureStore(await done(opening));
  }

  /** Give every picture, the newest first. */
  async all() {
    return (await done(this.pictures("readonly").index(BY_TIME).getAll())).reverse();
  }

  /** Give the ids of all pictures, the newest first. */
  async ids() {
    return (await done(this.pictures("readonly").index(BY_TIME).getAllKeys())).reverse();
  }

  /** Give a picture, or nothing. */
  get(id) {
    return done(this.pictures("readonly").get(id));
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
