// Errors and statuses in the words of the user's language, from the catalogue of `m1 connection`.
import type { NodeAPI } from "node-red";
import english from "../locales/en-US/m1-connection.json";
import { detailsInWords, type ErrorDetails, fillIn, M1Error } from "../protocol/errors";

const CATALOGUE = "@m1-community/node-red-medium-one/m1-connection";

/** The text under a key such as `status.connected`; English where no catalogue is loaded. */
export function words(RED: NodeAPI, key: string, details: ErrorDetails = {}): string {
  const translated = RED._(`${CATALOGUE}:${key}`, details);
  return translated.endsWith(key) ? fillIn(englishText(key), details) : translated;
}

function englishText(key: string): string {
  let found: unknown = english;
  for (const step of key.split(".")) {
    found = (found as Readonly<Record<string, unknown>> | undefined)?.[step];
  }
  return typeof found === "string" ? found : key;
}

/** The same error, its message in the user's words. */
export function inWords(RED: NodeAPI, error: M1Error): M1Error {
  const details = detailsInWords(error.details, (key, more) => words(RED, key, more));
  error.message = words(RED, `errors.${error.code}`, details);
  return error;
}

/** Whatever was thrown, as the error to tell the user; a defect of ours stays what it is. */
export function toldError(RED: NodeAPI, error: unknown): Error {
  if (error instanceof M1Error) return inWords(RED, error);
  return error instanceof Error ? error : new Error(String(error));
}
