// Requests to the API: the key goes along, and every failure is one of two errors.

import { authorization, currentKey, obtainKey } from "./key.js";

const ROOT = new URL("..", import.meta.url);
const PATIENCE_SECONDS = 20;
const GATEWAY_ERRORS = [502, 503, 504];

/** The server has answered that it does not do what was asked. */
export class ApiError extends Error {
  constructor(status, { error = "", detail = "", meta = null }, retryAfter) {
    super(detail || `The server answered ${status}.`);
    this.status = status;
    this.name = error;
    this.meta = meta;
    this.retryAfter = retryAfter;
  }

  /** The same question may be answered in a moment. */
  get isPassing() {
    return ["ServerStopping", "BrokerUnavailable", "StorageUnavailable"].includes(this.name);
  }

  /** The job or its picture is not there any more, or never was. */
  get isGone() {
    return this.status === 404 || this.status === 410;
  }
}

/** No answer of the server has come through. */
export class Unreachable extends Error {
  isPassing = true;

  constructor() {
    super("The server does not answer.");
  }
}

/** Give the address of a path of the API, wherever a proxy may have put it. */
export function urlOf(path) {
  return new URL(path.replace(/^\//, ""), ROOT);
}

/** Ask the API; where it wants another key, ask for that first and then again. */
export async function request(path, options = {}) {
  for (;;) {
    const key = currentKey();
    const response = await send(path, options, key);
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status !== 401 || !(await obtainKey(key))) throw error;
  }
}

/** Ask the API for JSON, with a limit on the time that this may take. */
export async function requestJson(path, options = {}) {
  const response = await request(path, { ...options, patience: PATIENCE_SECONDS });
  return whole(response.json());
}

/** Ask the API for JSON, and bother nobody about a key where it wants one. */
export async function requestQuietly(path, options = {}) {
  const response = await send(path, { ...options, patience: PATIENCE_SECONDS }, currentKey());
  if (!response.ok) throw await errorOf(response);
  return whole(response.json());
}

/** Ask the API for a picture. */
export async function requestPicture(path, options = {}) {
  return whole((await request(path, options)).blob());
}

async function whole(body) {
  try {
    return await body;
  } catch {
    throw new Unreachable(); // The connection broke off in the middle.
  }
}

async function send(path, { headers = {}, signal, patience, ...options }, key) {
  const signals = [signal, patience && AbortSignal.timeout(patience * 1000)].filter(Boolean);
  try {
    return await fetch(urlOf(path), {
      ...options,
      headers: { ...headers, ...authorization(key) },
      signal: AbortSignal.any(signals),
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable();
  }
}

async function errorOf(response) {
  try {
    const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
    return new ApiError(response.status, await response.json(), retryAfter);
  } catch {
    // A proxy in between speaks for a server that it cannot reach.
    if (GATEWAY_ERRORS.includes(response.status)) return new Unreachable();
    return new ApiError(response.status, {});
  }
}
