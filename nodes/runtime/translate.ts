// Errors and statuses in the words of the user's language, from the catalogue of `m1 connection`.
import type { NodeAPI } from "node-red";
import english from "../locales/en-US/m1-connection.json";
import { type ErrorDetails, fillTemplate, M1Error, translateDetails } from "../protocol/errors";

const CATALOGUE = "@m1-community/node-red-medium-one/m1-connection";

/** The text under a key such as `status.connected`; English where no catalogue is loaded. */
export function translate(RED: NodeAPI, key: string, details: ErrorDetails = {}): string {
  const translated = RED._(`${CATALOGUE}:${key}`, details);
  return translated.endsWith(key) ? fillTemplate(englishText(key), details) : translated;
}

function englishText(key: string): string {
  let found: unknown = english;
  for (const step of key.split(".")) {
    found = (found as Readonly<Record<string, unknown>> | undefined)?.[step];
  }
  return typeof found === "string" ? found : key;
}

/** The same error, its message in the user's words. */
export function translateError(RED: NodeAPI, error: M1Error): M1Error {
  const details = translateDetails(error.details, (key, more) => translate(RED, key, more));
  error.message = translate(RED, `errors.${error.code}`, details);
  return error;
}

/** Whatever was thrown, as the error to tell the user; a defect of ours stays what it is. */
export function userError(RED: NodeAPI, error: unknown): Error {
  if (error instanceof M1Error) return translateError(RED, error);
  return error instanceof Error ? error : new Error(String(error));
}
