// What is legal in a field and hardly ever meant, in words.
import type { FieldName } from "../protocol/errors";
import { spaceAround } from "../protocol/space-around";
import { hasVariable, shared, translateError } from "./explain";

/** IDs that people choose: anything printable may be one. */
const FREE_IDS: ReadonlySet<string> = new Set<FieldName>(["deviceId", "groupId"]);

/** What elsewhere in Node-RED stands for a value: `{{topic}}`, `msg.topic`. */
const PLACEHOLDER = /\{\{.*\}\}|^(msg|flow|global)[.[]/;

/** Undefined for a text that leaves no doubt. `isTyped`: the field may also be told to take the value of a message. */
export function hintOf(field: FieldName, text: string, isTyped = false): string | undefined {
  if (hasVariable(text, field)) return undefined;
  const space = spaceAround(text, field);
  if (space) return translateError(space);
  if (!FREE_IDS.has(field)) return undefined;
  if (PLACEHOLDER.test(text)) return isTyped ? shared("tip.literalTyped") : shared("tip.literal");
  if (text.includes(",")) return shared("tip.comma");
  return text.includes(".") ? shared("tip.dot") : undefined;
}
