// What a node reports, by `done(problem)`, `node.error` or `node.warn`: a sentence with a code beside it.
import type { NodeAPI } from "node-red";
import { M1Error } from "../protocol/errors";
import { errorText } from "./translate";

/**
 * Deliberately no Error: the debug sidebar shows those as objects with name and stack, and anything else by its
 * `toString`, as it shows the texts that core's nodes report. Catch nodes get `message` and `code` either way.
 */
class Problem implements Error {
  readonly name: string;
  readonly message: string;
  declare readonly code?: string;
  declare readonly stack?: string;

  constructor(
    name: string,
    message: string,
    more: { code: string } | { stack: string | undefined },
  ) {
    this.name = name;
    this.message = message;
    Object.assign(this, more);
  }

  toString(): string {
    return this.message;
  }
}

/** Whatever was thrown or told, in the user's words. Only a defect of ours keeps its stack, for who reports it. */
export function problem(RED: NodeAPI, error: unknown): Problem {
  if (error instanceof M1Error) {
    return new Problem(error.name, errorText(RED, error), { code: error.code });
  }
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return new Problem(name, message, { stack });
}
