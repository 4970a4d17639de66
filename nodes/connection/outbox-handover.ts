// Keeps memory outboxes over a deploy: from the config node that stops to the one that takes its place.
import { M1Error } from "../protocol/errors";
import type { Identity } from "../protocol/topics";
import type { MemoryOutbox } from "./outbox";

interface Parked {
  readonly who: Identity;
  readonly outbox: MemoryOutbox;
}

const parked = new Map<string, Parked>();

export function parkOutbox(configId: string, who: Identity, outbox: MemoryOutbox): void {
  if (outbox.size > 0) parked.set(configId, { who, outbox });
}

/**
 * The outbox that was parked under this id, if it belongs to the same user: one user's events are
 * never sent as another's, so those of another are discarded, each one told.
 */
export function claimOutbox(configId: string, who: Identity): MemoryOutbox | undefined {
  const found = parked.get(configId);
  parked.delete(configId);
  if (!found) return undefined;
  if (found.who.projectMqtt === who.projectMqtt && found.who.userMqtt === who.userMqtt) {
    return found.outbox;
  }
  discardOutbox(found.outbox);
  return undefined;
}

export function discardOutbox(outbox: MemoryOutbox): void {
  outbox.discard(() => new M1Error("OUTBOX_DISCARDED"));
}
