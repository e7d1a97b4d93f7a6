// How values are said to people.

const SCHEDULERS = { "dpmsolver++": "DPM++ 2M", euler_ancestral: "Euler ancestral" };

/** Name a scheduler. */
export function schedulerName(value) {
  return SCHEDULERS[value] ?? value;
}

/** Say how long something will take, roughly. */
export function about(seconds) {
  if (seconds < 1) return "any moment";
  if (seconds < 90) return `about ${Math.round(seconds)} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}

/** Say how long something took. */
export function took(seconds) {
  return seconds < 0.1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}

/** Say where a job stands in the queue. */
export function place(position) {
  if (position === null || position === undefined) return "In the queue";
  if (position === 0) return "Next in the queue";
  return position === 1 ? "1 picture before it" : `${position} pictures before it`;
}

/** Say the size, steps and seed of a picture in a line. */
export function facts(request) {
  const size = `${request.width} × ${request.height}`;
  return Number.isInteger(request.seed) ? `${size} · seed ${request.seed}` : size;
}

/** Shorten a text that is read aloud. */
export function head(text) {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Say what the model did not read of a prompt, or nothing. */
export function droppedNote(result) {
  if (!result?.dropped_text) return "";
  const read = `The model read 75 of the prompt's ${result.prompt_tokens} tokens`;
  return `${read}; it did not read: “${result.dropped_text}”`;
}
