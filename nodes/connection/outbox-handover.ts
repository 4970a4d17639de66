// What an outbox leaves when a deploy stops its config node, kept for the one that takes its place.
import { M1Error } from "../protocol/errors";
import type { Identity } from "../protocol/topics";
import type { Finish, Legacy } from "./outbox";

const parked = new Map<string, { readonly who: Identity; readonly legacy: Legacy }>();

export function parkLegacy(configId: string, who: Identity, legacy: Legacy): void {
  if (legacy.events.length + legacy.awaited.size > 0) parked.set(configId, { who, legacy });
}

/**
 * What was parked under this id, if it belongs to the same user: one user's events are never sent as
 * another's. What belongs to another is given up, each event told.
 */
export function claimLegacy(configId: string, who: Identity, finish: Finish): Legacy | undefined {
  const found = parked.get(configId);
  parked.delete(configId);
  if (!found) return undefined;
  const { projectMqtt, userMqtt } = found.who;
  if (projectMqtt === who.projectMqtt && userMqtt === who.userMqtt) return found.legacy;
  abandonLegacy(found.legacy, finish);
  return undefined;
}

/** Of a config node that has been removed while its settings could not work. */
export function abandonParked(configId: string, finish: Finish): void {
  const found = parked.get(configId);
  parked.delete(configId);
  if (found) abandonLegacy(found.legacy, finish);
}

/** Ends each event with an error: those in memory are gone, those on disk stay there. */
export function abandonLegacy({ events, awaited }: Legacy, finish: Finish): void {
  for (const { done } of events) finish(done, new M1Error("OUTBOX_DISCARDED"));
  for (const done of awaited.values()) finish(done, new M1Error("OUTBOX_KEPT"));
}
