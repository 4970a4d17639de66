// Errors and statuses in the words of the user's language, from the catalogue of `m1 connection`.
import type { NodeAPI } from "node-red";
import english from "../locales/en-US/m1-connection.json";
import {
  type ErrorDetails,
  fillTemplate,
  type M1Error,
  translateDetails,
} from "../protocol/errors";

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

/** What an error says, in the user's words. */
export function errorText(RED: NodeAPI, { code, details }: M1Error): string {
  const words = translateDetails(details, (key, more) => translate(RED, key, more));
  return translate(RED, `errors.${code}`, words);
}
