// The QoS that a client's subscriptions grant to a topic (MQTT-3.3.5-1, MQTT-3.8.4-6).
import type { QoS } from "../../nodes/protocol/settings";

/** The greatest QoS of the filters that match; 2, which limits nothing, if none does any more. */
export function grantedQos(subscriptions: ReadonlyMap<string, QoS>, topic: string): QoS {
  let granted: QoS | undefined;
  for (const [filter, qos] of subscriptions) {
    if (matches(filter, topic) && qos >= (granted ?? 0)) granted = qos;
  }
  return granted ?? 2;
}

export function lesser(one: QoS, other: QoS): QoS {
  return one < other ? one : other;
}

/** `a/#` matches `a` too (MQTT 3.1.1, 4.7.1.2). */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (index >= levels.length || (level !== "+" && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}
