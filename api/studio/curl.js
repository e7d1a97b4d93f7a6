// A picture's request as a command for a terminal.

import { urlOf } from "./api.js";
import { askedFor } from "./asked.js";
import { currentKey } from "./key.js";

/** Give the command that paints this job's picture; the key is a variable, never the key itself. */
export function curlOf(job) {
  const { priority, webhook_url, ...request } = askedFor(job);
  const isJob = Boolean(priority || webhook_url); // What only a job that nobody waits for has.
  const lines = [
    `curl -X POST ${quoted(urlOf(isJob ? "jobs" : "generate").href)}`,
    `-H 'Content-Type: application/json'`,
    ...(currentKey() ? [`-H "Authorization: Bearer $API_KEY"`] : []),
    `-d ${quoted(JSON.stringify({ ...withoutEmpty(request), priority, webhook_url }))}`,
    ...(isJob ? [] : [`-o ${quoted(fileNameOf(request))}`]),
  ];
  return lines.join(" \\\n  ");
}

/** Give a file name that tells the picture: its prompt's first words, and its seed. */
export function fileNameOf({ prompt, seed }) {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["picture"];
  return `${words.slice(0, 8).join("-").slice(0, 60)}-seed-${seed}.png`;
}

function withoutEmpty(request) {
  const isEmpty = (value) => value === null || value?.length === 0;
  return Object.fromEntries(Object.entries(request).filter(([, value]) => !isEmpty(value)));
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
