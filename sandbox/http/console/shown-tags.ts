// The tags of an event that the console shows, as the text that a person reads and filters by.
import type { StoredEvent } from "../../cloud/stored-event";

/** Without the device's ID, where it is the one that the row begins with. */
export function shownTags({ deviceId, eventData }: StoredEvent): [name: string, value: unknown][] {
  return Object.entries(eventData).filter(
    ([name, value]) => name !== "device_id" || value !== deviceId,
  );
}

/** All of it. */
export function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
