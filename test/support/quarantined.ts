// What lies in the quarantine of an outbox on disk that nobody has open.
import { EventStore } from "../../nodes/outbox/event-store";
import type { NumberedEntry } from "../../nodes/outbox/quarantine-entry";

/** The oldest first. Any user's outbox in the folder shows all. */
export async function quarantinedIn(folder: string): Promise<NumberedEntry[]> {
  const store = new EventStore(folder, { projectMqtt: "nobody", userMqtt: "nobody" });
  await store.open();
  const entries: NumberedEntry[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const page = await store.quarantine.read(before, 1_000, {});
    entries.push(...page);
    const last = page.at(-1);
    if (!last) break;
    before = last.id;
  }
  await store.close();
  return entries.reverse();
}
