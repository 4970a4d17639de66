// `m1 connection`, the config node: its settings, one connection for all nodes that refer to it, and
// what becomes of that connection in statuses, the log and Catch nodes.
import { hostname } from "node:os";
import path from "node:path";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { offerEndpoints } from "./admin/endpoints";
import { offerOutboxes } from "./admin/outbox-endpoints";
import { defaultClientId } from "./connection/client-id";
import { Connection } from "./connection/connection";
import type { ConnectionSettings } from "./connection/mqtt-client";
import { claimSession, leaveSession } from "./connection/session";
import type { Handover } from "./outbox/event";
import { EventStore } from "./outbox/event-store";
import {
  claimHandover,
  discardHandover,
  discardLeftHandover,
  leaveHandover,
} from "./outbox/handover";
import { Outbox, type OutboxPolicy } from "./outbox/outbox";
import { M1Error } from "./protocol/errors";
import * as check from "./protocol/settings";
import { ConnectionLog } from "./runtime/connection-log";
import {
  connectionSettings,
  deployedTlsOptions,
  type StatedConnection,
} from "./runtime/connection-settings";
import { isFlowing, machineState } from "./runtime/machine-status";
import { folderName, outboxesFolder } from "./runtime/outbox-folder";
import { problem } from "./runtime/problem";
import type { ConnectionNode, Registration } from "./runtime/registration";
import { enlist } from "./runtime/running-connections";
import { attempt, replaceVariables, setting, warnOfSpaceAround } from "./runtime/settings";
import { connectionStatus, faultStatus, statusDisplay } from "./runtime/status";
import { errorText, translate } from "./runtime/translate";

interface ConnectionConfig extends NodeDef, Partial<Omit<StatedConnection, keyof Credentials>> {
  outbox?: string;
  outboxLimit?: string;
  outboxFull?: string;
  outboxMaxAge?: string;
  outboxSync?: string;
  outboxMegabytes?: string;
  sendRate?: string;
}

interface Credentials {
  apiKey: unknown;
  userPassword: unknown;
}

/** The queue's length may change with every event; a person reads it. */
const REFRESH_MS = 500;

export = (RED: NodeAPI): void => {
  offerEndpoints(RED);
  offerOutboxes(RED);

  function M1Connection(this: Node<Credentials>, config: ConnectionConfig): void {
    RED.nodes.createNode(this, config);
    const node: ConnectionNode = Object.assign(this, {
      users: {},
      since: Date.now(),
      registrations: new Set<Registration>(),
    });
    enlist(node);
    const { value, fault } = attempt(() => readConfig(RED, this, config));
    if (value) warnOfSpaceAround(RED, this, String(this.credentials.userPassword), "userPassword");
    if (value) runConnection(RED, node, value);
    else tellFault(RED, node, fault);
  }

  RED.nodes.registerType("m1 connection", M1Connection, {
    credentials: { apiKey: { type: "password" }, userPassword: { type: "password" } },
  });
};

/** Settings that cannot work: told once, after all flows have started and Catch nodes listen. */
function tellFault(RED: NodeAPI, node: ConnectionNode, fault: M1Error): void {
  node.fault = fault;
  const invalid = new M1Error("CONNECTION_INVALID", { reason: errorText(RED, fault) });
  const tell = () => {
    node.error(problem(RED, invalid), {});
    node.status(faultStatus(RED, fault));
  };
  RED.events.once("flows:started", tell);
  node.on("close", (removed: boolean, done: () => void) => {
    RED.events.off("flows:started", tell);
    if (removed) discardLeftHandover(node.id);
    done();
  });
}

/** One connection from here to the node's `close`. */
function runConnection(RED: NodeAPI, node: ConnectionNode, config: Config): void {
  const { settings } = config;
  const outbox = openOutbox(RED, node, config);
  const connection = new Connection(settings, outbox, {
    session: claimSession(node.id, settings),
  });
  node.connection = connection;

  const show = statusDisplay(node);
  const hasNews = () => {
    const { state, queue } = connection;
    return !isFlowing(state, queue) || queue.quarantined > 0;
  };
  let toldNews = true;
  const showState = () => {
    toldNews = hasNews();
    show(connectionStatus(RED, connection.state, connection.queue));
    for (const registration of node.registrations) registration.refresh();
  };
  const showQueue = inIntervals(REFRESH_MS, showState);
  const log = new ConnectionLog(RED, node, connection);
  let shownState = machineState(connection.state);
  connection.on("state", (state) => {
    if (machineState(state) !== shownState) node.since = Date.now();
    shownState = machineState(state);
    showState();
    log.state(state);
  });
  connection.on("nextAddress", (change) => log.nextAddress(change));
  connection.on("stable", () => log.stable());
  connection.on("outbox", () => {
    // As long as all is well, a status has nothing to say of the events that come and go.
    if (toldNews || hasNews()) showQueue.soon();
    log.outbox();
  });
  connection.on("warning", (warning) => node.warn(problem(RED, warning)));
  connection.on("unexpectedTopic", (error, packet) =>
    node.error(problem(RED, error), { ...packet }),
  );

  const endDeploy = () => connection.endDeploy();
  RED.events.on("flows:started", endDeploy);
  node.on("close", (removed: boolean, done: () => void) => {
    RED.events.off("flows:started", endDeploy);
    closeAll(connection, outbox)
      // Not before: events may be dropped during the goodbye.
      .finally(() => {
        showQueue.stop();
        log.close();
      })
      .then((handover) => {
        if (removed) {
          discardHandover(handover);
        } else {
          leaveHandover(node.id, settings.identity, handover);
          leaveSession(node.id, settings, connection.session);
        }
      })
      .catch((error: unknown) => node.error(problem(RED, error)))
      .finally(done);
  });
}

async function closeAll(connection: Connection, outbox: Outbox): Promise<Handover> {
  await connection.close();
  return outbox.close();
}

/** With what a predecessor in this process left, and whatever an earlier process left on disk. */
function openOutbox(
  RED: NodeAPI,
  node: Node,
  { settings, policy, outbox: kind, sync }: Config,
): Outbox {
  const folder = outboxesFolder(RED);
  const store =
    folder && new EventStore(path.join(folder, folderName(node.id)), settings.identity, sync);
  const storesNew = kind === "disk";
  const outbox = new Outbox(policy, {
    store: store && (storesNew || store.exists()) ? store : undefined,
    storesNew,
    handover: claimHandover(node.id, settings.identity),
  });
  outbox.onWarning = (warning) => node.warn(problem(RED, warning));
  outbox.onResumed = () => node.log(translate(RED, "log.resumed"));
  outbox.onRestored = (count) => {
    node.log(translate(RED, "log.restored", { count: count.toLocaleString() }));
  };
  if (storesNew && !store) {
    const reason = translate(RED, "log.noUserDir");
    node.warn(problem(RED, new M1Error("OUTBOX_UNUSABLE", { reason })));
  }
  return outbox;
}

/** Merges calls of `soon` to at most one run of `action` in each interval. */
function inIntervals(milliseconds: number, action: () => void) {
  let timer: NodeJS.Timeout | undefined;
  return {
    soon() {
      timer ??= setTimeout(() => {
        timer = undefined;
        action();
      }, milliseconds);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}

interface Config {
  readonly settings: ConnectionSettings;
  readonly outbox: check.OutboxKind;
  readonly sync: check.OutboxSync;
  readonly policy: OutboxPolicy;
}

/** Throws the M1Error of the first setting that is not usable. */
function readConfig(RED: NodeAPI, node: Node<Credentials>, given: ConnectionConfig): Config {
  const config = replaceVariables(RED, node, given);
  const ownClientId = defaultClientId(instanceId(RED), node.id);
  const stated = { ...config, ...node.credentials } as unknown as StatedConnection;
  return {
    settings: connectionSettings(stated, ownClientId, (id) => deployedTlsOptions(RED, id)),
    outbox: check.outboxKind(setting(config.outbox, "outbox", "disk")),
    sync: check.outboxSync(setting(config.outboxSync, "outboxSync", "second")),
    policy: {
      limit: check.outboxLimit(setting(config.outboxLimit, "outboxLimit", "100000")),
      bytes: check.outboxMegabytes(setting(config.outboxMegabytes, "outboxMegabytes", "500")),
      full: check.outboxFull(setting(config.outboxFull, "outboxFull", "reject")),
      maxAge: check.outboxMaxAge(setting(config.outboxMaxAge, "outboxMaxAge", "")),
    },
  };
}

/** Node-RED's own id; where it cannot store settings it has none, and `get` throws. */
function instanceId(RED: NodeAPI): string {
  const settings = RED.settings as { available?(): boolean; get?(name: string): unknown };
  const id = settings.available?.() ? settings.get?.("instanceId") : undefined;
  return String(id ?? hostname());
}
