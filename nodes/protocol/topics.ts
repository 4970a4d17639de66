// Topics and subscription filters: built for what we send and want, parsed from what arrives
// (wire-contract: Topics).
import { M1Error } from "./errors";
import { EVERYONE, topicLevel } from "./topic-level";

/** MQTT-1.5.4: a string is at most 65,535 bytes long; our topics are ASCII. */
const LONGEST_TOPIC = 65_535;

const EVENT = "0";
const TO_DEVICE = "1";
const TO_GROUP = "2";

/** Whom a connection speaks for: the two levels that every topic of theirs carries. */
export interface Identity {
  readonly projectMqtt: string;
  readonly userMqtt: string;
}

export function isSameUser(one: Identity, other: Identity): boolean {
  return one.projectMqtt === other.projectMqtt && one.userMqtt === other.userMqtt;
}

/** What arrives from the cloud, by the address on it. */
export type Address =
  | (Identity & { readonly kind: "event"; readonly deviceId: string; readonly broadcast: boolean })
  | (Identity & {
      readonly kind: "update";
      readonly deviceId: string;
      readonly updateType: string;
      readonly broadcast: boolean;
    })
  | {
      readonly kind: "group";
      readonly projectMqtt: string;
      readonly groupId: string;
      readonly updateType: string;
      readonly broadcast: boolean;
    };

/** Both levels checked; throws the errors of `topicLevel`. */
export function identity(projectMqtt: unknown, userMqtt: unknown): Identity {
  return {
    projectMqtt: topicLevel(projectMqtt, "projectMqtt"),
    userMqtt: topicLevel(userMqtt, "userMqtt"),
  };
}

/** `0/p/u/d`: where a device publishes its events. The device id may be empty. */
export function eventTopic(identity: Identity, deviceId: unknown): string {
  const level = topicLevel(deviceId, "deviceId", { emptyAllowed: true });
  const topic = [EVENT, identity.projectMqtt, identity.userMqtt, level].join("/");
  if (topic.length > LONGEST_TOPIC) {
    throw new M1Error("TOPIC_TOO_LONG", { length: topic.length, limit: LONGEST_TOPIC });
  }
  return topic;
}

/** The topic of anything that the cloud sends. The inverse of `parseAddress`. */
export function addressTopic(address: Address): string {
  switch (address.kind) {
    case "event":
      return `${TO_DEVICE}/${address.projectMqtt}/${address.userMqtt}/${address.deviceId}/event`;
    case "update":
      return `${TO_DEVICE}/${address.projectMqtt}/${address.userMqtt}/${address.deviceId}/update/${address.updateType}`;
    case "group":
      return `${TO_GROUP}/${address.projectMqtt}/${address.groupId}/${address.updateType}`;
  }
}

/** `0/p/u/d` taken apart; undefined if it is not an event topic. Some old clients end it in `/`. */
export function parseEventTopic(topic: string): (Identity & { deviceId: string }) | undefined {
  const levels = topic.split("/");
  if (levels.length === 5 && levels[4] === "" && levels[3] !== "") levels.pop();
  const [direction, projectMqtt, userMqtt, deviceId] = levels;
  if (levels.length !== 4 || direction !== EVENT) return undefined;
  if (!projectMqtt || !userMqtt || deviceId === undefined) return undefined;
  return { projectMqtt, userMqtt, deviceId };
}

/**
 * Who a received message is for; undefined if the topic is none of the contract's. Never throws.
 * An update type may have several levels: all that follows is the type.
 */
export function parseAddress(topic: string): Address | undefined {
  const [direction, projectMqtt, third, fourth, fifth, ...rest] = topic.split("/");
  if (!projectMqtt || !third) return undefined;
  if (direction === TO_GROUP) {
    const updateType = [fourth, fifth, ...rest].filter((level) => level !== undefined).join("/");
    if (updateType === "") return undefined;
    const broadcast = third === EVERYONE;
    return { kind: "group", projectMqtt, groupId: third, updateType, broadcast };
  }
  if (direction !== TO_DEVICE || !fourth) return undefined;
  const to = { projectMqtt, userMqtt: third, deviceId: fourth, broadcast: fourth === EVERYONE };
  if (fifth === "event" && rest.length === 0) return { kind: "event", ...to };
  const updateType = rest.join("/");
  if (fifth === "update" && updateType !== "") return { kind: "update", ...to, updateType };
  return undefined;
}

/** `1/p/u/d/#`: everything for one device. */
export function deviceFilter(identity: Identity, deviceId: string): string {
  return `${TO_DEVICE}/${identity.projectMqtt}/${identity.userMqtt}/${deviceId}/#`;
}

/** `1/p/u/#`: everything for every device of the user. */
export function anyDeviceFilter(identity: Identity): string {
  return `${TO_DEVICE}/${identity.projectMqtt}/${identity.userMqtt}/#`;
}

/** `2/p/g/#`: everything for one group. */
export function groupFilter(identity: Identity, groupId: string): string {
  return `${TO_GROUP}/${identity.projectMqtt}/${groupId}/#`;
}

/**
 * Whether Medium One lets a user subscribe to a filter: what is addressed to the user itself, and
 * the groups of its project (wire-contract: Authentication).
 */
export function maySubscribe(identity: Identity, filter: string): boolean {
  const own = `${TO_DEVICE}/${identity.projectMqtt}/${identity.userMqtt}/`;
  const groups = `${TO_GROUP}/${identity.projectMqtt}/`;
  return filter.startsWith(own) || filter.startsWith(groups);
}
