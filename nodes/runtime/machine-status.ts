// What a status says to a flow, for Status nodes: `status.m1`, beside the words and colours for people.
import type { ConnectionState, QueueState } from "../connection/connection-state";
import type { ErrorCode, M1Error } from "../protocol/errors";
import { isInRange } from "../protocol/timestamp";

export interface MachineStatus {
  /** `offline` from the failure to the success of an attempt, `idle` also where there is no connection. */
  readonly state: ConnectionState["name"];
  /** Why, if anything is wrong. */
  readonly code?: ErrorCode;
  /** How many events are not acknowledged; 0 in normal traffic, and at nodes that only receive. */
  readonly waiting: number;
  /** How many of these are sent. */
  readonly inFlight?: number;
  /** How many went into quarantine since the last deploy. */
  readonly quarantined?: number;
  /** ISO 8601: when the oldest of those that wait was accepted. */
  readonly oldest?: string;
}

/** Fewer than this are on their way in normal traffic, and no backlog. */
const BACKLOG = 100;

export function hasBacklog({ size, isFull }: QueueState): boolean {
  return size >= BACKLOG || isFull;
}

/** Events come and go as they should. */
export function isFlowing(state: ConnectionState, queue: QueueState): boolean {
  return state.name === "online" && !state.refusal && !hasBacklog(queue);
}

/** `offline` from the failure to the success of an attempt. */
export function machineState(state: ConnectionState): ConnectionState["name"] {
  return state.name === "connecting" && state.lastFailure ? "offline" : state.name;
}

/** Why the connection is offline, or takes no events. */
export function troubleOf(state: ConnectionState): M1Error | undefined {
  if (state.name === "online") return state.refusal;
  if (state.name === "connecting") return state.lastFailure;
  return state.name === "offline" ? state.reason : undefined;
}

export function machineStatus(state: ConnectionState, queue: QueueState): MachineStatus {
  const trouble = troubleOf(state)?.code ?? (queue.isFull ? "OUTBOX_FULL" : undefined);
  return {
    state: machineState(state),
    ...(trouble && { code: trouble }),
    ...(isFlowing(state, queue) ? { waiting: 0 } : waiting(queue)),
    ...(queue.quarantined > 0 && { quarantined: queue.quarantined }),
  };
}

/** Of a node whose own settings, or whose lack of a connection, are what is wrong. */
export function machineFault({ code }: M1Error, state: ConnectionState): MachineStatus {
  return { state: state.name, code, waiting: 0 };
}

function waiting({ size, inFlight, oldest }: QueueState) {
  return {
    waiting: size,
    ...(inFlight > 0 && { inFlight }),
    // Version 0.1.0 wrote no checksum that would tell a damaged time.
    ...(oldest !== undefined && isInRange(oldest) && { oldest: new Date(oldest).toISOString() }),
  };
}
