// How values are said to people.

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

/** Say how the model reads a prompt. */
export function tokenCount({ tokens, chunks, dropped_text }, chunkTokens) {
  if (tokens === 0) return "";
  if (chunks > 1) return `${counted(tokens, "token")}, read in ${chunks} parts`;
  if (dropped_text) return `${tokens} tokens, ${chunkTokens} fit`;
  return `${tokens} of ${chunkTokens} tokens`;
}

/** Say what becomes of the end of a prompt that is too long; that end follows. */
export function unreadNote({ policy, chunk_tokens: limit }) {
  return policy === "error"
    ? `Too long: the model reads ${limit} tokens. Take out what follows:`
    : `The model reads ${limit} tokens, and not what follows:`;
}

/** Say what the model did not read of the prompts, or nothing. */
export function droppedNote(result) {
  const cut = [
    ["prompt", result?.dropped_text, result?.prompt_tokens],
    ["negative prompt", result?.dropped_negative_text, result?.negative_prompt_tokens],
  ];
  const told = cut.filter(([, text]) => text);
  return told.map((each) => droppedSentence(result.build, each)).join(" ");
}

/** Say why a job ended without a picture, and what may help. */
export function failureText({ type, detail }) {
  if (type === "content_blocked") return BLOCKED;
  return HELP[type] ? `${detail} ${HELP[type]}` : detail;
}

/** Say what the server finds wrong with a field. */
export function complaintText({ msg }) {
  const text = msg[0].toUpperCase() + msg.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

const BLOCKED =
  "The safety checker took offence at this picture, so it was not kept. Another seed may pass.";

const HELP = {
  lora_unusable: "Take it out under “LoRAs”, and paint again.",
  model_unavailable: "Another model may do.",
  input_gone: "“Try again” sends it anew.",
  storage_unavailable: "“Try again” paints it once more.",
};

// Pictures of before the build told it.
const CHUNK_TOKENS = 75;

function droppedSentence({ chunk_tokens: read = CHUNK_TOKENS }, [name, text, tokens]) {
  return `The model read ${read} of the ${name}'s ${tokens} tokens; it did not read: “${text}”`;
}

function counted(amount, noun) {
  return amount === 1 ? `1 ${noun}` : `${amount} ${noun}s`;
}
