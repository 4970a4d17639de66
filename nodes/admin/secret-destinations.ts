// Where secrets may go that nobody has typed just now: an open dialog can name any server.
//
// What is stored in Node-RED or comes from its environment goes, without a question,
// - to the hosts of the connection as it is deployed, its URL and its further addresses, at any port;
// - if one of them is Medium One's, to every host of Medium One; if one is this computer, to this computer:
//   that is where the REST API of the same cloud is;
// - but not unencrypted, where the deployed address is encrypted.
// A connection that is not deployed counts as one that is deployed at Medium One. Anywhere else it goes only if the
// form names exactly that place in `confirmed`, which the dialog does once a person has been asked.
import {
  type BrokerUrl,
  formatBrokerUrl,
  isEncrypted,
  isLoopback,
  parseBrokerUrl,
} from "../protocol/broker-url";
import { M1Error } from "../protocol/errors";
import { attempt } from "../runtime/settings";
import { type CompletedForm, holdsReference } from "./form";
import { hostOf } from "./rest-client";

export interface Destination {
  readonly host: string;
  readonly isEncrypted: boolean;
  /** As a person is asked about it. */
  readonly name: string;
}

const MEDIUM_ONE = /(^|\.)mediumone\.com$/i;

export function brokerDestination(url: BrokerUrl): Destination {
  // The path of a WebSocket may hold a variable.
  const name = formatBrokerUrl({ ...url, path: "" });
  return { host: url.host, isEncrypted: isEncrypted(url), name };
}

/** Of the form's addresses. One with a variable in it is named as it was typed: what it holds is not for the answer. */
export function brokerDestinations(
  brokers: readonly BrokerUrl[],
  { values, shown }: CompletedForm,
): Destination[] {
  const addresses = [values.url, values.fallbackUrls ?? []].flat();
  const typed = [shown.url, shown.fallbackUrls ?? []].flat();
  const names = new Map<string, string>();
  for (const [index, text] of typed.entries()) {
    const url = attempt(() => parseBrokerUrl(addresses[index])).value;
    if (url && holdsReference(text)) names.set(formatBrokerUrl(url), String(text));
  }
  return brokers.map((broker) => {
    const destination = brokerDestination(broker);
    return { ...destination, name: names.get(formatBrokerUrl(broker)) ?? destination.name };
  });
}

/** `shown` is the address as it was posted. */
export function restDestination(url: URL, shown: unknown = ""): Destination {
  const name = holdsReference(shown) ? String(shown) : url.origin;
  return { host: hostOf(url), isEncrypted: url.protocol === "https:", name };
}

/** Throws SECRETS_ELSEWHERE, whose `addresses` are what `confirmed` must be. */
export function checkDestinations(
  { borrowed, deployed, confirmed }: CompletedForm,
  destinations: readonly Destination[],
): void {
  if (borrowed.length === 0) return;
  const home = deployed.map(brokerDestination);
  const elsewhere = destinations.filter((place) => !home.some((known) => covers(known, place)));
  const addresses = elsewhere.map(({ name }) => name).join(", ");
  if (addresses === "" || addresses === confirmed) return;
  throw new M1Error("SECRETS_ELSEWHERE", { fieldNames: borrowed.join(), addresses });
}

function covers(known: Destination, place: Destination): boolean {
  const hosts = [known.host, place.host];
  const isLocal = hosts.every((host) => isLoopback({ host }));
  const isSame =
    isLocal ||
    known.host.toLowerCase() === place.host.toLowerCase() ||
    hosts.every((host) => MEDIUM_ONE.test(host));
  return isSame && (isLocal || place.isEncrypted || !known.isEncrypted);
}
