// What a node shows below itself: a function of the connection's state, the queue and the node's own faults.
import type { Node, NodeAPI, NodeStatus } from "node-red";
import type { ConnectionState } from "../connection/connection";
import english from "../locales/en-US/m1-connection.json";
import type { M1Error } from "../protocol/errors";
import { translate } from "./translate";

/** Fewer than this are on their way in normal traffic, and no backlog. */
const BACKLOG = 100;

let latest: { state: ConnectionState; queued: number; status: NodeStatus } | undefined;

/**
 * `queued` is the number of events waiting, 0 for nodes that do not send. The latest answer is kept:
 * a thousand nodes may ask the same of a connection at once.
 */
export function connectionStatus(RED: NodeAPI, state: ConnectionState, queued: number): NodeStatus {
  if (latest?.state !== state || latest.queued !== queued) {
    latest = { state, queued, status: statusOf(RED, state, queued) };
  }
  return latest.status;
}

function statusOf(RED: NodeAPI, state: ConnectionState, queued: number): NodeStatus {
  switch (state.name) {
    case "online":
      if (state.refusal) return waiting(RED, state.refusal, queued);
      return { fill: "green", shape: "dot", text: onlineText(RED, state.address, queued) };
    case "connecting":
      // An attempt after a failure still shows the failure, or the status would flicker for ever.
      if (state.lastFailure) return failed(RED, state.lastFailure, queued);
      return { fill: "yellow", shape: "ring", text: translate(RED, "status.connecting") };
    case "offline":
      return failed(RED, state.reason, queued);
    case "idle":
    case "closing":
    case "closed":
      return { fill: "grey", shape: "ring", text: translate(RED, "status.idle") };
  }
}

function onlineText(RED: NodeAPI, address: string | undefined, queued: number): string {
  if (queued >= BACKLOG) {
    return translate(RED, "status.sending", { count: queued.toLocaleString() });
  }
  if (address === undefined) return translate(RED, "status.connected");
  return translate(RED, "status.connectedTo", { address });
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

function failed(RED: NodeAPI, reason: M1Error, queued: number): NodeStatus {
  return { fill: "red", shape: "ring", text: reasonAndQueue(RED, reason, queued) };
}

/** Connected, but the broker takes no events at present. */
function waiting(RED: NodeAPI, reason: M1Error, queued: number): NodeStatus {
  return { fill: "yellow", shape: "dot", text: reasonAndQueue(RED, reason, queued) };
}

function reasonAndQueue(RED: NodeAPI, reason: M1Error, queued: number): string {
  const short = shortReason(RED, reason);
  if (queued === 0) return short;
  return translate(RED, "status.queued", { reason: short, count: queued.toLocaleString() });
}

function shortReason(RED: NodeAPI, reason: M1Error): string {
  const known = Object.hasOwn(english.status.reasons, reason.code);
  return translate(RED, known ? `status.reasons.${reason.code}` : "status.invalid");
}
