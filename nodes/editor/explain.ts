// Faults in the user's words: the protocol's checks as validators of the dialogs.
import { M1Error, translateDetails } from "../protocol/errors";
import { envReference } from "../runtime/env-reference";
import type { Validator, Verdict } from "./red";

/** A string of the catalogue that the four nodes share. */
export function shared(key: string, details: Record<string, string | number> = {}): string {
  return RED._(`@m1-community/node-red-medium-one/m1-connection:${key}`, details);
}

/** True, or what the M1Error that `check` throws says. */
export function explain(check: () => unknown): Verdict {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof M1Error) return translateError(error);
    throw error;
  }
}

/** Lets pass what `check` accepts, and what holds a variable. `field` is to be named where that is a secret. */
export function explained(check: (value: unknown) => unknown, field = ""): Validator {
  return (value, _options) => hasVariable(value, field) || explain(() => check(value));
}

/** The same for a property that has a default, which a flow written by hand may leave out. */
export function explainedIfSet(check: (value: unknown) => unknown): Validator {
  return explained((value) => value === undefined || check(value));
}

/** Whether a value holds a `${NAME}`: only the runtime knows what it stands for. */
export function hasVariable(value: unknown, field = ""): boolean {
  return envReference(value, field) !== undefined;
}

/** What an error says, here or in the runtime. */
export function translateError({ code, details }: Pick<M1Error, "code" | "details">): string {
  return shared(`errors.${code}`, translateDetails(details, shared));
}
