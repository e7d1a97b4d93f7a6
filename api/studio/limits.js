// What the API takes, read from its own description: bounds, choices, and the defaults here.

import { requestJson } from "./api.js";

/** Give the limits of every field of a request. */
export async function readLimits() {
  const schemas = await requestJson("studio/limits.json");
  const { properties, required } = schemas.JobSubmission;
  const limits = {};
  for (const [name, schema] of Object.entries(properties)) {
    limits[name] = { ...flat(schema, schemas), isRequired: required.includes(name) };
  }
  limits.loras.weight = flat(schemas.LoraUse.properties.weight, schemas);
  return limits;
}

/** Say what is wrong with a value, or nothing; an empty one is undefined. */
export function complaint(value, limits) {
  const isNeeded = limits.isRequired || (limits.default ?? null) !== null;
  if (value === undefined) return isNeeded ? missing(limits) : "";
  const about = { string: aboutText, boolean: () => "" }[limits.type] ?? aboutNumber;
  return about(value, limits);
}

/** Say what a number may be. */
export function rangeOf({ type, minimum, maximum, multipleOf }) {
  const kind = type === "integer" ? "A whole number" : "A number";
  const from = minimum === undefined ? "" : ` from ${minimum}`;
  const to = maximum === undefined ? "" : ` to ${maximum}`;
  const step = multipleOf ? `, a multiple of ${multipleOf}` : "";
  return `${kind}${from}${to}${step}.`;
}

// A field that may be null, or that refers to a schema with a name, is what it then is.
function flat(schema, schemas) {
  const { $ref, anyOf = [], allOf = [], ...own } = schema;
  const parts = [...anyOf, ...allOf].filter(({ type }) => type !== "null");
  if ($ref) parts.push(schemas[$ref.split("/").pop()]);
  return Object.assign({}, ...parts.map((part) => flat(part, schemas)), own);
}

function missing(limits) {
  if (limits.enum) return "Choose one.";
  return limits.type === "string" ? "Say what the picture shows." : rangeOf(limits);
}

function aboutText(value, { minLength = 0, maxLength = Infinity, enum: choices }) {
  const length = [...value].length; // As the server counts: code points.
  if (choices && !choices.includes(value)) return "Choose one.";
  if (minLength && !value.trim()) return "Say what the picture shows.";
  if (length > maxLength) return `At most ${maxLength} characters; these are ${length}.`;
  return "";
}

function aboutNumber(value, limits) {
  const { type, minimum = -Infinity, maximum = Infinity, multipleOf } = limits;
  const isKind = type === "integer" ? Number.isInteger(value) : Number.isFinite(value);
  const isMultiple = !multipleOf || value % multipleOf === 0;
  const isInRange = value >= minimum && value <= maximum;
  return isKind && isMultiple && isInRange ? "" : rangeOf(limits);
}
