// The value of one of the form's fields, whatever kind of element it is.

/** Give what the element holds: a text, or whether it is checked. */
export function heldBy(element) {
  return element.type === "checkbox" ? element.checked : element.value;
}

/** Let the element hold a value; null empties it. */
export function hold(element, value) {
  if (element.type === "checkbox") element.checked = value;
  else element.value = value ?? "";
}

/** Give the value as a request has it, undefined where there is none. */
export function valueOf(element, { type }) {
  const { value, validity } = element;
  if (type === "boolean") return element.checked;
  if (value === "" && !validity.badInput) return undefined;
  if (type === "string") return value;
  return value.trim() === "" ? NaN : Number(value);
}
