// What a person does to an outbox: each action may meet a queue that drains, a deploy, or another person.
import type { Connection } from "../connection/connection";
import type { Outbox } from "../outbox/outbox";
import type { NumberedEntry, Selection } from "../outbox/quarantine-entry";
import { Turns } from "../outbox/turns";
import { M1Error } from "../protocol/errors";
import { toldError } from "./offer";
import type { Count } from "./outbox-answers";
import { isOf } from "./outbox-pages";

const AT_ONCE = 200;

/** What has been begun for an outbox, so that two people who do the same do it once. */
const begun = new WeakMap<Outbox, Turns>();

/** Runs the action when those before it have ended. */
export function inTurn<Result>(outbox: Outbox, action: () => Promise<Result>): Promise<Result> {
  const turns = begun.get(outbox) ?? new Turns();
  begun.set(outbox, turns);
  return turns.next(action);
}

/**
 * Quarantined events enter the outbox as if they had just come, the oldest first, and leave the quarantine when they
 * are in it: should the process end in between, they come twice. Rejects if the disk does.
 */
export async function sendAgain(connection: Connection, selection: Selection): Promise<Count> {
  const { quarantine } = connection.outbox;
  const { identity } = connection.settings;
  let count = 0;
  let foreign = 0;
  for (const ids of await idsInTurn(connection, selection)) {
    const entries = await entriesOf(connection, ids);
    foreign += entries.filter(({ event }) => event && !isOf(identity, event)).length;
    const own = entries.filter(({ event }) => event && isOf(identity, event));
    const results = await Promise.allSettled(
      own.map(({ event }) => connection.sendAgain(event as NonNullable<typeof event>)),
    );
    const sent = own.filter((_, index) => results[index]?.status === "fulfilled");
    // If it fails, they have left the quarantine all the same, and will leave the disk.
    const removed = await settled(quarantine.remove({ ids: sent.map(({ id }) => id) }));
    count += sent.length;
    const failed = [...results, removed].find((result) => result.status === "rejected");
    if (failed) return { count, error: toldError(errorOf(failed.reason)) };
  }
  if (foreign === 0) return { count };
  return { count, error: toldError(new M1Error("OUTBOX_FOREIGN", { count: foreign })) };
}

/** The oldest first, some hundred at a time: what is put there meanwhile is not meant. */
async function idsInTurn({ outbox }: Connection, selection: Selection): Promise<number[][]> {
  const ids: number[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const entries = await outbox.quarantine.read(before, AT_ONCE, selection);
    const last = entries.at(-1);
    if (!last) break;
    ids.push(...entries.map(({ id }) => id));
    before = last.id;
  }
  ids.reverse();
  const turns = Math.ceil(ids.length / AT_ONCE);
  return Array.from({ length: turns }, (_, turn) =>
    ids.slice(turn * AT_ONCE, (turn + 1) * AT_ONCE),
  );
}

/** Those that are still there, in the order of their ids. */
async function entriesOf({ outbox }: Connection, ids: readonly number[]): Promise<NumberedEntry[]> {
  const all: NumberedEntry[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const entries = await outbox.quarantine.read(before, ids.length, { ids });
    const last = entries.at(-1);
    if (!last) return all.reverse();
    all.push(...entries);
    before = last.id;
  }
}

async function settled<Result>(action: Promise<Result>): Promise<PromiseSettledResult<Result>> {
  const [result] = await Promise.allSettled([action]);
  return result;
}

function errorOf(reason: unknown): M1Error {
  if (reason instanceof M1Error) return reason;
  throw reason;
}
