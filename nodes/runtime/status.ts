// What a node shows below itself: a function of the connection's state, the queue and the node's own faults.
import type { Node, NodeAPI, NodeStatus } from "node-red";
import type { ConnectionState, QueueState } from "../connection/connection";
import english from "../locales/en-US/m1-connection.json";
import type { M1Error } from "../protocol/errors";
import { translate } from "./translate";

/** Fewer than this are on their way in normal traffic, and no backlog. */
const BACKLOG = 100;

/** For nodes that do not send. */
const NO_QUEUE: QueueState = { size: 0, isFull: false, sendRate: Number.POSITIVE_INFINITY };

let latest: { state: ConnectionState; queue: QueueState; status: NodeStatus } | undefined;

/**
 * Without `queue` for nodes that do not send. The latest answer is kept: a thousand nodes may ask the same of a
 * connection at once.
 */
export function connectionStatus(
  RED: NodeAPI,
  state: ConnectionState,
  { size, isFull, sendRate }: QueueState = NO_QUEUE,
): NodeStatus {
  const isLatest =
    latest?.state === state &&
    latest.queue.size === size &&
    latest.queue.isFull === isFull &&
    latest.queue.sendRate === sendRate;
  if (latest && isLatest) return latest.status;
  const queue = { size, isFull, sendRate };
  latest = { state, queue, status: statusOf(RED, state, queue) };
  return latest.status;
}

function statusOf(RED: NodeAPI, state: ConnectionState, queue: QueueState): NodeStatus {
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
  if (queue.size >= BACKLOG || queue.isFull) return queueText(RED, queue, sendingText(RED, queue));
  if (address === undefined) return translate(RED, "status.connected");
  return translate(RED, "status.connectedTo", { address });
}

function sendingText(RED: NodeAPI, { size, sendRate }: QueueState): string {
  const count = size.toLocaleString();
  if (sendRate === Number.POSITIVE_INFINITY) return translate(RED, "status.sending", { count });
  return translate(RED, "status.sendingRate", { count, rate: sendRate.toLocaleString() });
}

/** The same with the number of subscriptions, if it says that they work. */
export function withSubscriptions(RED: NodeAPI, status: NodeStatus, count: number): NodeStatus {
  if (status.fill !== "green") return status;
  const details = { text: status.text ?? "", count };
  return { ...status, text: translate(RED, "status.subscriptions", details) };
}

/** Sets a node's status when it changes: Status nodes pass on every call, repeated or not. */
export function statusDisplay(node: Node): (status: NodeStatus) => void {
  let shown = "";
  return (status) => {
    const wanted = JSON.stringify(status);
    if (wanted === shown) return;
    shown = wanted;
    node.status(status);
  };
}

/** A fault that only a change of the flow can mend. */
export function faultStatus(RED: NodeAPI, fault: M1Error): NodeStatus {
  return { fill: "red", shape: "ring", text: shortReason(RED, fault) };
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
