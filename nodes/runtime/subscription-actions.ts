// What messages to a receiving node ask for: to subscribe, to unsubscribe, or to say what it is subscribed to.
import type { NodeMessage } from "node-red";
import * as check from "../protocol/settings";
import { topicLevel } from "../protocol/topic-level";

/** Where a message has its IDs. */
export type IdsProperty = "deviceId" | "groups";

/** As in MQTT. No ID can be this. */
const EVERY_DEVICE = "+";

/**
 * The IDs as they are after the message, the same array if nothing changes. `ids` are those before it. Repeating
 * what is so already changes nothing. Throws SETTING_CHOICE for another action, or what is wrong with an ID:
 * then none of the message's IDs counts.
 */
export function changedIds(
  ids: readonly string[],
  msg: NodeMessage,
  property: IdsProperty,
): readonly string[] {
  const { action, [property]: stated } = msg as Readonly<Record<string, unknown>>;
  switch (check.action(action)) {
    case "subscribe": {
      const added = readIds(stated, property).filter((id) => !ids.includes(id));
      return added.length > 0 ? [...ids, ...new Set(added)] : ids;
    }
    case "unsubscribe": {
      if (stated === true) return [];
      const removed = new Set(readIds(stated, property));
      return ids.some((id) => removed.has(id)) ? ids.filter((id) => !removed.has(id)) : ids;
    }
    case "getSubscriptions":
      return ids;
  }
}

/** What a message that asks for the subscriptions becomes; undefined for any other. */
export function answer(ids: readonly string[], msg: NodeMessage): NodeMessage | undefined {
  if ((msg as { action?: unknown }).action !== "getSubscriptions") return undefined;
  const payload = ids.map((id) => (id === "" ? EVERY_DEVICE : id));
  return Object.assign(msg, { topic: "subscriptions", payload });
}

/** One ID or an array of them, of which there must be one at least. */
function readIds(stated: unknown, property: IdsProperty): string[] {
  const list: unknown[] = Array.isArray(stated) ? stated : [stated];
  const read = (value: unknown) => {
    if (property === "groups") return topicLevel(value, "groupId");
    return value === EVERY_DEVICE ? "" : topicLevel(value, "deviceId");
  };
  return list.length > 0 ? list.map(read) : [read(undefined)];
}
