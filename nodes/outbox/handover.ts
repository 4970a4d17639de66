// What an outbox leaves when a deploy stops its config node, kept for the one that takes its place.
import { M1Error } from "../protocol/errors";
import { type Identity, isSameUser } from "../protocol/topics";
import type { Handover } from "./event";

const left = new Map<string, { readonly identity: Identity; readonly handover: Handover }>();

export function leaveHandover(configId: string, identity: Identity, handover: Handover): void {
  const { events, callbacks, quarantined = [] } = handover;
  if (events.length + callbacks.size + quarantined.length > 0)
    left.set(configId, { identity, handover });
}

/**
 * What was left under this id, if it belongs to the same user: one user's events are never sent as
 * another's. What belongs to another is given up, each event told.
 */
export function claimHandover(configId: string, identity: Identity): Handover | undefined {
  const found = left.get(configId);
  left.delete(configId);
  if (!found) return undefined;
  if (isSameUser(found.identity, identity)) return found.handover;
  discardHandover(found.handover);
  return undefined;
}

/** For a config node that is deleted while its settings cannot work. */
export function discardLeftHandover(configId: string): void {
  const found = left.get(configId);
  left.delete(configId);
  if (found) discardHandover(found.handover);
}

/** Ends each event with an error: those in memory are gone, those on disk stay there. */
export function discardHandover({ events, callbacks }: Handover): void {
  for (const { done } of events) done(new M1Error("OUTBOX_DISCARDED"));
  for (const done of callbacks.values()) done(new M1Error("OUTBOX_KEPT"));
}
