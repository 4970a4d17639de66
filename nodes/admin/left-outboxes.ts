// The folders of connections that are in no flow any more: what is in them, and what a person does about it.
import type { NodeAPI } from "node-red";
import type { Connection } from "../connection/connection";
import type { Delivery } from "../outbox/event";
import { folderNames, LeftFolder } from "../outbox/left-folder";
import type { Outbox } from "../outbox/outbox";
import { Turns } from "../outbox/turns";
import { M1Error } from "../protocol/errors";
import { isSameUser } from "../protocol/topics";
import { folderName, outboxesFolder } from "../runtime/outbox-folder";
import { runningConnections } from "../runtime/running-connections";
import { toldError } from "./offer";
import type { Count, LeftFolder as Report } from "./outbox-answers";

/** So many events are on their way from one outbox to another. */
const AT_ONCE = 200;

/** Only one thing happens to these folders at a time: a database is open once. */
const turns = new Turns();

export function oneAtATime<Result>(action: () => Promise<Result>): Promise<Result> {
  return turns.next(action);
}

/** Resolves when it is the caller's turn, with what to call when that is over. */
export function ownTurn(): Promise<() => void> {
  return new Promise((resolve) => {
    void turns.next(() => new Promise<void>((end) => resolve(end)));
  });
}

export async function leftReports(RED: NodeAPI): Promise<Report[]> {
  const reports: Report[] = [];
  for (const name of await leftNames(RED)) {
    const told = await report(RED, name);
    // It is gone meanwhile, or a connection has it again.
    if (told.error?.code !== "OUTBOX_UNKNOWN") reports.push(told);
  }
  return reports;
}

/** Throws OUTBOX_UNKNOWN for a folder that is none, or that a connection in the flows has. */
export async function leftFolder(RED: NodeAPI, name: string): Promise<LeftFolder> {
  const outboxes = outboxesFolder(RED);
  const isLeft = (await leftNames(RED)).includes(name);
  if (!outboxes || !isLeft) throw new M1Error("OUTBOX_UNKNOWN", { name });
  return new LeftFolder(outboxes, name);
}

async function leftNames(RED: NodeAPI): Promise<string[]> {
  const outboxes = outboxesFolder(RED);
  const names = outboxes ? await folderNames(outboxes) : [];
  const { connections, instances } = present(RED);
  // In an instance of a subflow, the id of a node is `<instance>-<id in the template>`.
  const isOfInstance = (name: string) =>
    connections.some((id) => name.endsWith(`-${id}`)) &&
    instances.some((id) => name.startsWith(`${id}-`));
  return names.filter((name) => !connections.includes(name) && !isOfInstance(name));
}

/** What is in the flow file, disabled nodes included, by the names of folders. */
function present(RED: NodeAPI) {
  const connections = runningConnections().map(({ id }) => folderName(id));
  const instances: string[] = [];
  RED.nodes.eachNode(({ id, type }) => {
    if (type === "m1 connection") connections.push(folderName(id));
    if (type.startsWith("subflow:")) instances.push(folderName(id));
  });
  return { connections, instances };
}

async function report(RED: NodeAPI, name: string): Promise<Report> {
  try {
    const folder = await leftFolder(RED, name);
    const outboxes: Report["outboxes"][number][] = [];
    const { identities, quarantined } = await folder.contents();
    for (const identity of identities) {
      const outbox = await folder.open(identity);
      outboxes.push({ ...identity, waiting: outbox.size });
      await outbox.close();
    }
    const heirs = runningConnections().filter(({ connection }) =>
      outboxes.some((outbox) => connection && isSameUser(connection.settings.identity, outbox)),
    );
    return { folder: name, outboxes, quarantined, heirs: heirs.map(({ id }) => id) };
  } catch (error) {
    if (!(error instanceof M1Error)) throw error;
    return { folder: name, outboxes: [], quarantined: 0, heirs: [], error: toldError(error) };
  }
}

/**
 * Hands the events of the connection's user over to it, the oldest first. Each leaves the folder when it is in the
 * outbox, and safe there: should the process end in between, some come twice. A folder with nothing left in it goes.
 * Rejects with what is wrong with the folder.
 */
export async function handOver(folder: LeftFolder, to: Connection): Promise<Count> {
  const count = await moved(folder, to);
  await folder.removeIfEmpty();
  return count;
}

async function moved(folder: LeftFolder, to: Connection): Promise<Count> {
  const left = await folder.open(to.settings.identity);
  let fault: M1Error | undefined;
  left.onWarning = (warning) => {
    fault ??= warning;
  };
  let count = 0;
  try {
    while (left.size > 0 && !folder.isAwaited) {
      const events = await nextOf(left);
      const results = await Promise.allSettled(events.map((event) => to.sendAgain(event)));
      await to.outbox.settle();
      for (const [index, event] of events.entries()) {
        if (results[index]?.status !== "fulfilled") continue;
        left.acknowledge(event);
        count += 1;
      }
      const failed = results.find((result) => result.status === "rejected");
      if (failed?.reason instanceof M1Error) return { count, error: toldError(failed.reason) };
      if (failed) throw failed.reason;
    }
    return fault ? { count, error: toldError(fault) } : { count };
  } finally {
    await left.close();
  }
}

/** At least one, as there are some. */
async function nextOf(left: Outbox): Promise<Delivery[]> {
  const events: Delivery[] = [];
  while (left.size > 0) {
    const event = left.next();
    if (event) events.push(event);
    else if (events.length > 0) break;
    else
      await new Promise<void>((resolve) => {
        left.onReady = resolve;
      });
    if (events.length === AT_ONCE) break;
  }
  return events;
}
