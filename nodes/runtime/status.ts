// What a node shows below itself: a function of the connection's state, the queue and the node's own faults.
import type { Node, NodeAPI, NodeStatus } from "node-red";
import type { ConnectionState, QueueState } from "../connection/connection-state";
import english from "../locales/en-US/m1-connection.json";
import type { M1Error } from "../protocol/errors";
import { hasBacklog, type MachineStatus, machineFault, machineStatus } from "./machine-status";
import { translate } from "./translate";

/** People see fill, shape and text; Status nodes get `m1` as well. */
export interface Status extends NodeStatus {
  readonly m1: MachineStatus;
}

/** For nodes that do not send. */
const NO_QUEUE: QueueState = {
  size: 0,
  inFlight: 0,
  oldest: undefined,
  quarantined: 0,
  isFull: false,
  sendRate: Number.POSITIVE_INFINITY,
};

let latest: { state: ConnectionState; queue: QueueState; status: Status } | undefined;

/**
 * Without `queue` for nodes that do not send. The latest answer is kept: a thousand nodes may ask the same of a
 * connection at once.
 */
export function connectionStatus(
  RED: NodeAPI,
  state: ConnectionState,
  queue: QueueState = NO_QUEUE,
): Status {
  if (latest?.state !== state || !isSame(latest.queue, queue)) {
    const status = { ...shownStatus(RED, state, queue), m1: machineStatus(state, queue) };
    latest = { state, queue, status };
  }
  return latest.status;
}

function isSame(one: QueueState, other: QueueState): boolean {
  return (
    one.size === other.size &&
    one.inFlight === other.inFlight &&
    one.oldest === other.oldest &&
    one.quarantined === other.quarantined &&
    one.isFull === other.isFull &&
    one.sendRate === other.sendRate
  );
}

function shownStatus(RED: NodeAPI, state: ConnectionState, queue: QueueState): NodeStatus {
  switch (state.name) {
    case "online":
      if (state.refusal) return waiting(RED, state.refusal, queue);
      return {
        fill: queue.isFull ? "yellow" : "green",
        shape: "dot",
        text: onlineText(RED, state.address, queue),
      };
    case "connecting":
      // An attempt after a failure still shows the failure, or the status would flicker for ever.
      if (state.lastFailure) return failed(RED, state.lastFailure, queue);
      return { fill: "yellow", shape: "ring", text: translate(RED, "status.connecting") };
    case "offline":
      return failed(RED, state.reason, queue);
    case "idle":
    case "closing":
    case "closed":
      return { fill: "grey", shape: "ring", text: translate(RED, "status.idle") };
  }
}

function onlineText(RED: NodeAPI, address: string | undefined, queue: QueueState): string {
  if (hasBacklog(queue)) return queueText(RED, queue, sendingText(RED, queue));
  if (address === undefined) return translate(RED, "status.connected");
  return translate(RED, "status.connectedTo", { address });
}

function sendingText(RED: NodeAPI, { size, sendRate }: QueueState): string {
  const count = size.toLocaleString();
  if (sendRate === Number.POSITIVE_INFINITY) return translate(RED, "status.sending", { count });
  return translate(RED, "status.sendingRate", { count, rate: sendRate.toLocaleString() });
}

/** The same with the number of subscriptions, if it says that they work. */
export function withSubscriptions(RED: NodeAPI, status: Status, count: number): Status {
  if (status.fill !== "green") return status;
  const details = { text: status.text ?? "", count };
  return { ...status, text: translate(RED, "status.subscriptions", details) };
}

/**
 * Sets a node's status when what it tells changes: Status nodes pass on every call, repeated or not. That more are in
 * flight is no change, and another oldest event is one if it came a minute later.
 */
export function statusDisplay(node: Node): (status: Status) => void {
  let shown = "";
  return (status) => {
    const { fill, shape, text, m1 } = status;
    const { code, waiting, quarantined, oldest } = m1;
    const minute = oldest?.slice(0, "2026-11-28T00:00".length);
    const wanted = JSON.stringify([fill, shape, text, code, waiting, quarantined, minute]);
    if (wanted === shown) return;
    shown = wanted;
    node.status(status);
  };
}

/** A fault that only a change of the flow can mend. `state` is that of the connection, where there is one. */
export function faultStatus(
  RED: NodeAPI,
  fault: M1Error,
  state: ConnectionState = { name: "idle" },
): Status {
  const m1 = machineFault(fault, state);
  return { fill: "red", shape: "ring", text: shortReason(RED, fault), m1 };
}

function failed(RED: NodeAPI, reason: M1Error, queue: QueueState): NodeStatus {
  return { fill: "red", shape: "ring", text: reasonAndQueue(RED, reason, queue) };
}

/** Connected, but the broker takes no events at present. */
function waiting(RED: NodeAPI, reason: M1Error, queue: QueueState): NodeStatus {
  return { fill: "yellow", shape: "dot", text: reasonAndQueue(RED, reason, queue) };
}

function reasonAndQueue(RED: NodeAPI, reason: M1Error, queue: QueueState): string {
  const short = shortReason(RED, reason);
  if (queue.size === 0) return short;
  const count = queue.size.toLocaleString();
  return queueText(RED, queue, translate(RED, "status.queued", { reason: short, count }));
}

/** A full outbox refuses or drops events: that is worse than an outage. */
function queueText(RED: NodeAPI, { isFull }: QueueState, text: string): string {
  return isFull ? translate(RED, "status.full", { text }) : text;
}

function shortReason(RED: NodeAPI, reason: M1Error): string {
  const known = Object.hasOwn(english.status.reasons, reason.code);
  return translate(RED, known ? `status.reasons.${reason.code}` : "status.invalid");
}
