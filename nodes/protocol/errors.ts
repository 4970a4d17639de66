// The one error type of the package: a code to match on, the details that explain it, and English
// words for logs. The edges (an adapter, the editor) put code and details into the user's language.
import { errors, fields } from "../locales/en-US/m1-connection.json";

export type ErrorCode = keyof typeof errors;
export type FieldName = keyof typeof fields;
export type ErrorDetails = Readonly<Record<string, string | number>>;

export class M1Error extends Error {
  /** What went wrong, stable across releases and languages. */
  readonly code: ErrorCode;
  /** What the words of the catalogue are filled with; `field` holds a `FieldName`. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(fillIn(errors[code], englishDetails(details)), options);
    this.name = "M1Error";
    this.code = code;
    this.details = details;
  }

  /** Node-RED shows `String(error)` to Catch nodes; a class name in front would be noise. */
  override toString(): string {
    return this.message;
  }
}

/** Replaces each `__name__` of a catalogue text by `details.name`, as i18next does in Node-RED. */
export function fillIn(template: string, details: ErrorDetails): string {
  return template.replace(/__(\w+?)__/g, (placeholder, name: string) =>
    Object.hasOwn(details, name) ? String(details[name]) : placeholder,
  );
}

function englishDetails(details: ErrorDetails): ErrorDetails {
  const field = details.field;
  if (typeof field !== "string" || !Object.hasOwn(fields, field)) return details;
  return { ...details, field: fields[field as FieldName] };
}

/** At most `limit` characters of a value, for quoting it in an error. */
export function excerpt(value: unknown, limit = 60): string {
  const text = typeof value === "string" ? value : printable(value);
  if (text.length <= limit) return text;
  // No half of a surrogate pair is left at the cut.
  return `${text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function printable(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}
