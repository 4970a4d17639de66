// White space around a value: nobody sees it, and it makes another value of it.
import { type FieldName, M1Error } from "./errors";

/** SPACE_BEFORE or SPACE_AFTER; undefined if there is none. */
export function spaceAround(text: string, field: FieldName): M1Error | undefined {
  const before = /^\s/.exec(text)?.[0];
  if (before !== undefined) return new M1Error("SPACE_BEFORE", { field, kind: kindOf(before) });
  const after = /\s$/.exec(text)?.[0];
  return after === undefined
    ? undefined
    : new M1Error("SPACE_AFTER", { field, kind: kindOf(after) });
}

/** Throws SPACE_BEFORE or SPACE_AFTER. */
export function refuseSpaceAround(text: string, field: FieldName): void {
  const fault = spaceAround(text, field);
  if (fault) throw fault;
}

function kindOf(character: string): string {
  if (character === " ") return "space";
  return /[\r\n]/.test(character) ? "lineBreak" : "whiteSpace";
}
