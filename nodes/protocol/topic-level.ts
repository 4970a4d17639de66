// What may stand between two slashes of a Medium One topic (wire-contract: Identifiers).
import { type FieldName, M1Error } from "./errors";

/** Stands for every device of a user, or every group of a project; never the name of one. */
export const EVERYONE = "_all";

const VALID_LEVEL = /^[\x20-\x22\x24-\x2a\x2c-\x2e\x30-\x7e]*$/;

export interface LevelRule {
  /** Only an event's device id may be empty. */
  readonly emptyAllowed?: boolean;
}

/**
 * The value as a topic level: itself, or the digits of a number.
 * Throws LEVEL_MISSING, LEVEL_TYPE, LEVEL_EMPTY, LEVEL_RESERVED or LEVEL_CHARACTER; the last names
 * the first character that is not allowed and its position, counted from 1.
 */
export function topicLevel(value: unknown, field: FieldName, rule: LevelRule = {}): string {
  if (value === undefined || value === null) throw new M1Error("LEVEL_MISSING", { field });
  if (typeof value === "number" && Number.isFinite(value)) return topicLevel(String(value), field);
  if (typeof value !== "string") {
    throw new M1Error("LEVEL_TYPE", { field, type: typeName(value) });
  }
  if (value === "" && !rule.emptyAllowed) throw new M1Error("LEVEL_EMPTY", { field });
  if (value === EVERYONE && (field === "deviceId" || field === "groupId")) {
    throw new M1Error("LEVEL_RESERVED", { field, level: EVERYONE });
  }
  if (!VALID_LEVEL.test(value)) throw characterError(value, field);
  return value;
}

function typeName(value: unknown): string {
  if (typeof value === "number") return String(value);
  return Array.isArray(value) ? "array" : typeof value;
}

function characterError(value: string, field: FieldName): M1Error {
  let position = 0;
  for (const character of value) {
    position += 1;
    if (!VALID_LEVEL.test(character)) {
      return new M1Error("LEVEL_CHARACTER", { field, character: nameOf(character), position });
    }
  }
  throw new RangeError("characterError was called for a valid level");
}

/** How to show a character that may be invisible: `"#"`, `U+0007`, `"ü" (U+00FC)`. */
function nameOf(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0;
  const hex = `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
  if (codePoint >= 0x20 && codePoint < 0x7f) return `"${character}"`;
  const invisible = /[\p{C}\p{Z}]/u.test(character);
  return invisible ? hex : `"${character}" (${hex})`;
}
