// The flows under measurement: the same shape for our nodes and for core's.
import { DEMO_ACCOUNT } from "../sandbox/cloud/accounts";

export interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly [property: string]: unknown;
}

export type Flow = readonly FlowNode[];

/** Whose nodes. Each candidate is a user of its own: nobody hears what is meant for another. */
export type Maker = "ours" | "core";

const PROJECT = "bench";
export const READING = { temperature: 21.5, humidity: 48, battery: 3.71, state: "running" };
/** What an event looks like on the wire. */
export const ENVELOPE = JSON.stringify({
  event_data: READING,
  observed_at: "2001-01-01T00:10:10.000000Z",
});
export const OUT = "out";
/** The device of the last event of a round, and its node: Node-RED would take the same name for a reference. */
const LAST = "last";
const LAST_OUT = "last-out";
/** The topics of all events, and of the last ones. */
export const EVERY_EVENT = "0/#";
export const LAST_EVENTS = `0/+/+/${LAST}`;

export function eventTopic(user: string, isLast: boolean): string {
  return `0/${PROJECT}/${user}/${isLast ? LAST : "d"}`;
}

export function deviceName(index: number): string {
  return `d${index}`;
}

export function deviceTopic(user: string, index: number): string {
  return `1/${PROJECT}/${user}/${deviceName(index)}/event`;
}

/** Retained here, a message shows that the device's subscription stands. */
export function updateTopic(user: string, index: number): string {
  return `1/${PROJECT}/${user}/${deviceName(index)}/update/settings`;
}

const tab = { id: "tab", type: "tab", label: "bench" };

function connection(maker: Maker, user: string, port: number, outbox: string) {
  if (maker === "core") {
    const broker = { broker: "127.0.0.1", port: String(port), protocolVersion: "4" };
    return { id: "connection", type: "mqtt-broker", ...broker, clientid: "", keepalive: "60" };
  }
  const { apiKey, userPassword } = DEMO_ACCOUNT;
  return {
    ...{ id: "connection", type: "m1 connection", url: `mqtt://127.0.0.1:${port}` },
    ...{ projectMqtt: PROJECT, userMqtt: user, outbox, cleanSession: true },
    ...{ outboxLimit: "10000000", outboxMegabytes: "10000" },
    credentials: { apiKey, userPassword },
  };
}

export interface OutOptions {
  readonly port: number;
  readonly qos: 0 | 1;
  readonly outbox: "memory" | "disk";
  /** The source writes each message into a LevelDB first. */
  readonly isStored?: boolean;
  /** Of ours. */
  readonly complete?: "delivered" | "stored";
}

/** Core gets the event ready-made, as text; ours gets the reading and makes the event of it. */
export function outFlow(
  maker: Maker,
  { port, qos, outbox, isStored = false, complete = "delivered" }: OutOptions,
): Flow {
  const source = { z: "tab", type: "bench source", payload: maker === "core" ? ENVELOPE : READING };
  const out = { z: "tab", complete, qos: String(qos), wires: [] };
  return [
    tab,
    connection(maker, maker, port, outbox),
    { ...source, id: "source", isStored, wires: [[OUT]] },
    { ...out, id: OUT, ...sender(maker, false) },
    { ...source, id: "last-source", isLast: true, wires: [[LAST_OUT]] },
    { ...out, id: LAST_OUT, ...sender(maker, true) },
  ];
}

function sender(maker: Maker, isLast: boolean) {
  if (maker === "core") {
    const topic = eventTopic(maker, isLast);
    return { type: "mqtt out", broker: "connection", topic, retain: "false" };
  }
  const deviceId = isLast ? LAST : "d";
  return { type: "m1 event out", connection: "connection", deviceId, deviceIdType: "str" };
}

/** So many receiving nodes, each for a device of its own, into one sink. */
export function inFlow(maker: Maker, user: string, port: number, nodes: number): Flow {
  return [
    tab,
    connection(maker, user, port, "memory"),
    { id: "sink", z: "tab", type: "bench sink", wires: [] },
    ...Array.from({ length: nodes }, (_, index) => receiver(maker, user, index)),
  ];
}

function receiver(maker: Maker, user: string, index: number): FlowNode {
  const common = { id: `in${index}`, z: "tab", qos: "1", datatype: "json", wires: [["sink"]] };
  if (maker === "ours") {
    const deviceId = deviceName(index);
    return { ...common, type: "m1 device in", connection: "connection", deviceId };
  }
  const topic = `1/${PROJECT}/${user}/${deviceName(index)}/#`;
  return { ...common, type: "mqtt in", broker: "connection", topic, inputs: 0 };
}
