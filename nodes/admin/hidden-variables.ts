// What an answer may say of a form with environment variables in it: not what they hold.
import { type ErrorDetails, M1Error } from "../protocol/errors";
import { type CompletedForm, holdsReference } from "./form";

/** Details that are names of ours, whatever a variable holds. */
const OURS: ReadonlySet<string> = new Set(["field", "fieldNames", "kind", "because", "choices"]);

type Posted = Pick<CompletedForm, "values" | "shown">;

/** The same error, with what was posted in the place of what a variable holds, or a part of it. */
export function withoutVariables(form: Posted, error: M1Error): M1Error {
  const details = Object.entries(error.details).map(([key, detail]) => [
    key,
    typeof detail === "number" || OURS.has(key) ? detail : asPosted(form, detail),
  ]);
  return new M1Error(error.code, Object.fromEntries(details) as ErrorDetails);
}

/** Rejects as `step` does, but for what variables hold. */
export async function hidingVariables<T>(form: Posted, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw error instanceof M1Error ? withoutVariables(form, error) : error;
  }
}

/** The text itself, or what was posted where a variable's value is in it. */
export function asPosted({ values, shown }: Posted, text: string): string {
  // What is quoted is cut, and a host is in small letters.
  const said = text.replace(/…$/, "").toLowerCase();
  if (said === "") return text;
  for (const [name, posted] of Object.entries(shown)) {
    const replaced = [values[name]].flat();
    for (const [index, original] of [posted].flat().entries()) {
      const value = String(replaced[index]).toLowerCase();
      const isReplaced = holdsReference(original) && replaced[index] !== original;
      if (!isReplaced) continue;
      const held = heldBy(String(original), value);
      if (value.includes(said) || said.includes(held)) return String(original);
    }
  }
  return text;
}

/** What of the value stands in the place of the references: a part of it may be quoted by itself, such as the host. */
function heldBy(original: string, value: string): string {
  const before = original.indexOf("${");
  const after = original.length - original.lastIndexOf("}") - 1;
  return value.slice(before, value.length - after);
}
