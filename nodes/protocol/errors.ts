// The one error type of the package: a code to match on, the details that explain it, and English
// words for logs. The edges (an adapter, the editor) put code and details into the user's language.
import { errors, fields, values } from "../locales/en-US/m1-connection.json";

export type ErrorCode = keyof typeof errors;
export type FieldName = keyof typeof fields;
export type ErrorDetails = Readonly<Record<string, string | number>>;

export class M1Error extends Error {
  /** What went wrong, stable across releases and languages. */
  readonly code: ErrorCode;
  /**
   * What the words of the catalogue are filled with. `field` holds a `FieldName`, `fieldNames` some with
   * commas between them; `kind`, a key of the catalogue's `values`, stands for a `value` that is put into words, and `because`,
   * an `ErrorCode` with the same details, for a `reason`.
   */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(fillTemplate(errors[code], translateDetails(details, translateToEnglish)), options);
    this.name = "M1Error";
    this.code = code;
    this.details = details;
  }

  /** Logs show `String(error)`; a class name in front would be noise. */
  override toString(): string {
    return this.message;
  }
}

/** Replaces each `__name__` of a catalogue text by `details.name`, as i18next does in Node-RED. */
export function fillTemplate(template: string, details: ErrorDetails): string {
  return template.replace(/__(\w+?)__/g, (placeholder, name: string) =>
    Object.hasOwn(details, name) ? String(details[name]) : placeholder,
  );
}

/** The text of a key such as `fields.deviceId`, filled with the details. */
export type Translate = (key: string, details: ErrorDetails) => string;

/** The details as they are shown: a field, a kind of value and an inner error in the catalogue's words. */
export function translateDetails(details: ErrorDetails, translate: Translate): ErrorDetails {
  const { field, fieldNames, kind, because } = details;
  const words = (name: string | number) => translate(`fields.${name}`, {});
  return {
    ...details,
    ...(field !== undefined && { field: words(field) }),
    ...(fieldNames !== undefined && {
      fieldNames: String(fieldNames).split(",").map(words).join(", "),
    }),
    ...(kind !== undefined && { value: translate(`values.${kind}`, details) }),
    ...(because !== undefined && { reason: translate(`errors.${because}`, details) }),
  };
}

function translateToEnglish(key: string, details: ErrorDetails): string {
  const [section = "", name = ""] = key.split(".");
  const sections: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    fields,
    values,
    errors,
  };
  const texts = sections[section] ?? {};
  return fillTemplate(Object.hasOwn(texts, name) ? (texts[name] ?? name) : name, details);
}

/** A value as the details of an error quote it: `value` is its text, or `kind` says what it is. */
export function quoted(value: unknown): ErrorDetails {
  if (typeof value === "function") return { kind: "function" };
  if (Array.isArray(value)) return { kind: "array" };
  if (value === "") return { kind: "empty" };
  if (typeof value === "object" && value !== null) return { kind: "object" };
  return { value: excerpt(String(value)) };
}

/** At most `limit` characters of a text, for quoting it in an error. */
export function excerpt(text: string, limit = 60): string {
  if (text.length <= limit) return text;
  // No half of a surrogate pair is left at the cut.
  return `${text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
