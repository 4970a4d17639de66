// `m1 connection`, the config node: its settings, one connection for all nodes that refer to it, and
// what becomes of that connection in statuses, the log and Catch nodes.

import { hostname } from "node:os";
import path from "node:path";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { defaultClientId } from "./connection/client-id";
import { Connection, type ConnectionSettings } from "./connection/connection";
import { EventStore } from "./connection/event-store";
import { type Legacy, Outbox, type OutboxPolicy } from "./connection/outbox";
import { abandonLegacy, claimLegacy, parkLegacy } from "./connection/outbox-handover";
import { isEncrypted, parseBrokerUrl } from "./protocol/broker-url";
import { checkClientId, password, username } from "./protocol/credentials";
import { M1Error } from "./protocol/errors";
import * as check from "./protocol/settings";
import { identity } from "./protocol/topics";
import { Diary } from "./runtime/diary";
import type { ConnectionNode, Member } from "./runtime/member";
import { attempt, flagSetting, setting, textSetting } from "./runtime/settings";
import { connectionStatus, faultStatus, statusDisplay } from "./runtime/status";
import { inWords, words } from "./runtime/words";

interface ConnectionConfig extends NodeDef {
  url?: string;
  tls?: string;
  projectMqtt?: string;
  userMqtt?: string;
  clientId?: string;
  protocolVersion?: string;
  keepalive?: string;
  cleanSession?: boolean;
  outbox?: string;
  outboxLimit?: string;
  outboxFull?: string;
  outboxMaxAge?: string;
}

interface Credentials {
  apiKey: unknown;
  userPassword: unknown;
}

interface TlsConfigNode extends Node {
  addTLSOptions(options: TlsOptions): void;
}

const DEFAULT_URL = "mqtts://mqtt.mediumone.com:61620";

/** The queue's length may change with every event; a person reads it. */
const REFRESH_MS = 500;

export = (RED: NodeAPI): void => {
  function M1Connection(this: Node<Credentials>, config: ConnectionConfig): void {
    RED.nodes.createNode(this, config);
    const node: ConnectionNode = Object.assign(this, { users: {}, members: new Set<Member>() });
    const { value, fault } = attempt(() => readConfig(RED, this, config));
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
  const tell = () => {
    node.error(new M1Error("CONNECTION_INVALID", { reason: inWords(RED, fault).message }), {});
    node.status(faultStatus(RED, fault));
  };
  RED.events.once("flows:started", tell);
  node.on("close", () => RED.events.off("flows:started", tell));
}

/** One connection from here to the node's `close`. */
function runConnection(RED: NodeAPI, node: ConnectionNode, config: Config): void {
  const { settings } = config;
  const outbox = openOutbox(RED, node, config);
  const connection = new Connection(settings, outbox);
  node.connection = connection;

  const show = statusDisplay(node);
  const showState = () => {
    show(connectionStatus(RED, connection.state, outbox.size));
    for (const member of node.members) member.refresh();
  };
  const showQueue = inIntervals(REFRESH_MS, showState);
  const diary = new Diary(RED, node, settings);
  connection.on("state", (state) => {
    showState();
    diary.state(state);
  });
  connection.on("stable", () => diary.stable());
  connection.on("outbox", () => {
    showQueue.soon();
    diary.losses(outbox);
  });
  connection.on("stranger", (error, packet) => node.error(inWords(RED, error), { ...packet }));

  const settle = () => connection.settle();
  RED.events.on("flows:started", settle);
  node.on("close", (removed: boolean, done: () => void) => {
    RED.events.off("flows:started", settle);
    showQueue.stop();
    closeAll(connection, outbox)
      .then((legacy) => {
        if (removed) abandonLegacy(legacy);
        else parkLegacy(node.id, settings.who, legacy);
      })
      .finally(done);
  });
}

async function closeAll(connection: Connection, outbox: Outbox): Promise<Legacy> {
  await connection.close();
  return outbox.close();
}

/** With what a predecessor in this process left, and whatever an earlier process left on disk. */
function openOutbox(RED: NodeAPI, node: Node, { settings, policy, outbox: kind }: Config): Outbox {
  const folder = outboxFolder(RED, node);
  const store = folder === undefined ? undefined : new EventStore(folder, settings.who);
  const storesNew = kind === "disk";
  const outbox = new Outbox(policy, {
    store: storesNew || store?.exists() ? store : undefined,
    storesNew,
    legacy: claimLegacy(node.id, settings.who),
  });
  outbox.onWarning = (warning) => node.warn(inWords(RED, warning));
  outbox.onRestored = (count) => {
    node.log(words(RED, "log.restored", { count: count.toLocaleString() }));
  };
  if (storesNew && !store) {
    const reason = words(RED, "log.noUserDir");
    node.warn(inWords(RED, new M1Error("OUTBOX_UNUSABLE", { reason })));
  }
  return outbox;
}

/** `<userDir>/m1-outbox/<config id>`; undefined where Node-RED has no user directory. */
function outboxFolder(RED: NodeAPI, { id }: Node): string | undefined {
  const { userDir } = RED.settings as { userDir?: string };
  return userDir && path.join(userDir, "m1-outbox", id.replace(/[^\w.-]/g, "_"));
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
  readonly policy: OutboxPolicy;
}

/** Throws the M1Error of the first setting that is not usable. */
function readConfig(RED: NodeAPI, node: Node<Credentials>, config: ConnectionConfig): Config {
  const broker = parseBrokerUrl(setting(config.url, "url", DEFAULT_URL));
  const who = identity(
    setting(config.projectMqtt, "projectMqtt", ""),
    setting(config.userMqtt, "userMqtt", ""),
  );
  const clientId = textSetting(config.clientId, "clientId");
  return {
    settings: {
      broker,
      who,
      username: username(who),
      password: password(
        setting(node.credentials?.apiKey, "apiKey", ""),
        setting(node.credentials?.userPassword, "userPassword", ""),
      ),
      clientId:
        clientId === "" ? defaultClientId(instanceId(RED), node.id) : checkClientId(clientId),
      protocolVersion: check.protocolVersion(
        setting(config.protocolVersion, "protocolVersion", "4"),
      ),
      keepalive: check.keepalive(setting(config.keepalive, "keepalive", "60")),
      cleanSession: flagSetting(config.cleanSession, "cleanSession", false),
      tls: isEncrypted(broker) ? tlsOptions(RED, textSetting(config.tls, "tls")) : {},
    },
    outbox: check.outboxKind(setting(config.outbox, "outbox", "disk")),
    policy: {
      limit: check.outboxLimit(setting(config.outboxLimit, "outboxLimit", "100000")),
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

function tlsOptions(RED: NodeAPI, id: string): TlsOptions {
  if (!id) return {};
  const node = RED.nodes.getNode(id) as TlsConfigNode | null;
  if (typeof node?.addTLSOptions !== "function") throw new M1Error("TLS_MISSING");
  const options: TlsOptions = {};
  node.addTLSOptions(options);
  return options;
}
