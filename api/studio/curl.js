// A picture's request as a command for a terminal.

import { urlOf } from "./api.js";
import { currentKey } from "./key.js";

/** Give the command that paints this picture; the key is a variable, never the key itself. */
export function curlOf(request) {
  const lines = [
    `curl -X POST ${quoted(urlOf("generate").href)}`,
    `-H 'Content-Type: application/json'`,
    ...(currentKey() ? [`-H "Authorization: Bearer $API_KEY"`] : []),
    `-d ${quoted(JSON.stringify(request))}`,
    `-o ${quoted(fileNameOf(request))}`,
  ];
  return lines.join(" \\\n  ");
}

/** Give a file name that tells the picture: its prompt's first words, and its seed. */
export function fileNameOf({ prompt, seed }) {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["picture"];
  return `${words.slice(0, 8).join("-").slice(0, 60)}-seed-${seed}.png`;
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
