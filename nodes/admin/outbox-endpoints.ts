// What the sidebar asks of the runtime, and what programs may ask as well: docs/outbox.md has it for them.
import type { Writable } from "node:stream";
import type { NodeAPI } from "node-red";
import type { Connection } from "../connection/connection";
import type { LeftFolder } from "../outbox/left-folder";
import { type ErrorDetails, M1Error } from "../protocol/errors";
import type { Identity } from "../protocol/topics";
import type { ConnectionNode } from "../runtime/registration";
import { runningConnections } from "../runtime/running-connections";
import { translate } from "../runtime/translate";
import { handOver, leftFolder, leftReports, oneAtATime, ownTurn } from "./left-outboxes";
import { type Asked, offer, offerReading, respond } from "./offer";
import { inTurn, sendAgain } from "./outbox-actions";
import { quarantineLines, waitingLines, write } from "./outbox-downloads";
import { quarantinePage, selectionOf, waitingPage, wantedPage } from "./outbox-pages";
import { outboxReport } from "./outbox-report";
import { OutboxWatch } from "./outbox-watch";

/** Of the editor's own channel. */
const TOPIC = "m1-outbox";
/** Whose events no folder has; the quarantine is everybody's. */
const NOBODY: Identity = { projectMqtt: "", userMqtt: "" };

/** Shapes in outbox-answers.ts. What cannot be done is told as in endpoints.ts. */
export function offerOutboxes(RED: NodeAPI): void {
  const watch = new OutboxWatch(outboxReport, (report) => RED.comms.publish(TOPIC, report, false));
  offerReading(RED, "outbox", async () => {
    watch.look();
    return outboxReport();
  });
  offerLooks(RED);
  offerActions(RED);
  offerLeftOutboxes(RED);
}

function offerLooks(RED: NodeAPI): void {
  offerReading(RED, "outbox/:id/waiting", async (asked) =>
    waitingPage(connectionOf(asked).outbox, wantedPage(asked)),
  );
  offerReading(RED, "outbox/:id/quarantined", async (asked) => {
    const { outbox, settings } = connectionOf(asked);
    return quarantinePage(outbox, settings.identity, wantedPage(asked));
  });
  offerDownload(RED, "outbox/:id/waiting.jsonl", async (asked) =>
    waitingLines(connectionOf(asked).outbox),
  );
  offerDownload(RED, "outbox/:id/quarantined.jsonl", async (asked) =>
    quarantineLines(connectionOf(asked).outbox),
  );
}

function offerActions(RED: NodeAPI): void {
  offer(RED, "outbox/:id/connect", "write", async (asked) => {
    connectionOf(asked).connectNow();
    return {};
  });
  offer(RED, "outbox/:id/empty", "write", async (asked) => {
    const node = nodeOf(asked);
    const connection = connectionOf(asked);
    const count = await connection.outbox.empty(new M1Error("OUTBOX_EMPTIED", whoOf(asked)));
    connection.emit("outbox");
    node.log(told(RED, "log.emptied", asked, { count }));
    return { count };
  });
  offer(RED, "outbox/:id/send-again", "write", async (asked) => {
    const connection = connectionOf(asked);
    const selection = selectionOf(asked.body);
    return inTurn(connection.outbox, () => sendAgain(connection, selection));
  });
  offer(RED, "outbox/:id/delete", "write", async (asked) => {
    const { outbox } = connectionOf(asked);
    const selection = selectionOf(asked.body);
    const count = await inTurn(outbox, () => outbox.quarantine.remove(selection));
    nodeOf(asked).log(told(RED, "log.quarantineDeleted", asked, { count }));
    return { count };
  });
}

function offerLeftOutboxes(RED: NodeAPI): void {
  offerReading(RED, "outbox-left", async () => ({
    folders: await oneAtATime(() => leftReports(RED)),
  }));
  offer(RED, "outbox-left/:id/hand-over", "write", (asked) => {
    const to = connectionOf({ params: { id: asked.body.to } });
    return oneAtATime(async () => handOver(await leftFolder(RED, idOf(asked)), to));
  });
  offer(RED, "outbox-left/:id/delete", "write", async (asked) => {
    await oneAtATime(async () => (await leftFolder(RED, idOf(asked))).remove());
    RED.log.info(told(RED, "log.leftDeleted", asked, { folder: idOf(asked) }));
    return {};
  });
  offerDownload(RED, "outbox-left/:id/events.jsonl", async (asked) => leftLines(RED, idOf(asked)));
}

/** What waits in it of all users, and what is in quarantine. */
async function* leftLines(RED: NodeAPI, name: string): AsyncGenerator<string> {
  const end = await ownTurn();
  try {
    const folder = await leftFolder(RED, name);
    const { identities } = await folder.contents();
    const last = identities.at(-1) ?? NOBODY;
    for (const identity of [...identities.slice(0, -1), last]) {
      yield* untilAwaited(folder, linesOf(folder, identity, identity === last));
    }
  } finally {
    end();
  }
}

async function* linesOf(
  folder: LeftFolder,
  identity: Identity,
  withQuarantine: boolean,
): AsyncGenerator<string> {
  const outbox = await folder.open(identity);
  try {
    yield* waitingLines(outbox);
    if (withQuarantine) yield* quarantineLines(outbox);
  } finally {
    await outbox.close();
  }
}

/** Throws OUTBOX_CLOSED when a connection waits for the folder. */
async function* untilAwaited(
  folder: LeftFolder,
  lines: AsyncIterable<string>,
): AsyncGenerator<string> {
  for await (const text of lines) {
    yield text;
    if (folder.isAwaited) throw new M1Error("OUTBOX_CLOSED");
  }
}

function offerDownload(
  RED: NodeAPI,
  path: string,
  lines: (asked: Asked) => Promise<AsyncIterable<string>>,
): void {
  const allowed = RED.auth.needsPermission("m1-connection.read");
  RED.httpAdmin.get(`/m1-connection/${path}`, allowed, (asked, answering) => {
    respond(RED, asked, answering, async () => {
      const all = await lines(asked);
      answering.type("application/jsonl").attachment(path.split("/").at(-1));
      await write(all, answering as Writable);
      return undefined;
    });
  });
}

function idOf({ params }: Pick<Asked, "params">): string {
  return String(params.id);
}

/** Throws OUTBOX_UNKNOWN. */
function nodeOf(asked: Pick<Asked, "params">): ConnectionNode {
  const id = idOf(asked);
  const node = runningConnections().find((each) => each.id === id);
  if (!node) throw new M1Error("OUTBOX_UNKNOWN", { name: id });
  return node;
}

/** Throws OUTBOX_UNKNOWN, or what is wrong with the connection's settings. */
function connectionOf(asked: Pick<Asked, "params">): Connection {
  const { connection, fault } = nodeOf(asked);
  if (connection) return connection;
  throw fault ?? new M1Error("OUTBOX_UNKNOWN", { name: idOf(asked) });
}

/** Who asks, as far as is known. */
function whoOf({ user }: Asked): ErrorDetails {
  return user?.username ? { value: user.username } : { kind: "somebody" };
}

function told(RED: NodeAPI, key: string, asked: Asked, details: ErrorDetails): string {
  const { value = translate(RED, "values.somebody") } = whoOf(asked);
  return translate(RED, key, { value, ...details });
}
