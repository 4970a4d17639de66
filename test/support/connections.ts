// Connections for tests: to the sandbox or any other server on this computer, with short durations.
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { Connection } from "../../nodes/connection/connection";
import type { ConnectionState } from "../../nodes/connection/connection-state";
import type { ConnectionSettings } from "../../nodes/connection/mqtt-client";
import { TIMING, type Timing } from "../../nodes/connection/timing";
import { Outbox } from "../../nodes/outbox/outbox";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import { password, username } from "../../nodes/protocol/credentials";
import type { M1Error } from "../../nodes/protocol/errors";
import type { QoS } from "../../nodes/protocol/settings";
import { eventTopic, identity } from "../../nodes/protocol/topics";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";

export const WHO = identity(DEMO_ACCOUNT.projectMqtt, DEMO_ACCOUNT.userMqtt);
/** The levels that every topic of the demo user has. */
export const OWN = username(WHO);

/** Long enough for a busy machine, short enough for a test. */
export const QUICK: Timing = {
  ...TIMING,
  firstRetry: 5,
  longestRetry: 20,
  refusedRetry: 15,
  firstPause: 5,
  longestPause: 20,
  connect: 5_000,
  close: 400,
};

export interface OpenOptions {
  readonly settings?: Partial<ConnectionSettings>;
  readonly timing?: Partial<Timing>;
  readonly outbox?: Outbox;
  readonly session?: Connection["session"];
}

const opened = new Set<Connection>();
let clients = 0;

/** A connection that nobody uses yet; `closeConnections` ends it. */
export function connectionTo(
  server: { readonly url: string },
  options: OpenOptions = {},
): Connection {
  clients += 1;
  const settings: ConnectionSettings = {
    brokers: [parseBrokerUrl(server.url)],
    identity: WHO,
    username: OWN,
    password: password(DEMO_ACCOUNT.apiKey, DEMO_ACCOUNT.userPassword),
    clientId: `test-${process.pid}-${clients}`,
    protocolVersion: 4,
    keepalive: 60,
    cleanSession: false,
    sendRate: Number.POSITIVE_INFINITY,
    tls: {},
    ...options.settings,
  };
  const connection = new Connection(settings, options.outbox ?? roomyOutbox(), {
    timing: { ...QUICK, ...options.timing },
    session: options.session,
  });
  opened.add(connection);
  return connection;
}

/** A connection that a sender uses, on its way to the broker. */
export function openConnection(
  server: { readonly url: string },
  options?: OpenOptions,
): Connection {
  const connection = connectionTo(server, options);
  connection.addSender({});
  connection.endDeploy();
  return connection;
}

export async function onlineConnection(
  server: { readonly url: string },
  options?: OpenOptions,
): Promise<Connection> {
  const connection = openConnection(server, options);
  await reaches(connection, "online");
  return connection;
}

export async function closeConnections(): Promise<void> {
  await Promise.all([...opened].map((connection) => connection.close()));
  opened.clear();
}

export function roomyOutbox(): Outbox {
  return new Outbox({
    limit: 1_000_000,
    full: "reject",
    bytes: Number.POSITIVE_INFINITY,
    maxAge: Number.POSITIVE_INFINITY,
  });
}

type StateNamed<Name extends ConnectionState["name"]> = Extract<ConnectionState, { name: Name }>;

/** Resolves when the connection next enters the state. */
export function enters<Name extends ConnectionState["name"]>(
  connection: Connection,
  name: Name,
): Promise<StateNamed<Name>> {
  return new Promise((resolve) => {
    const listener = (state: ConnectionState) => {
      if (state.name !== name) return;
      connection.off("state", listener);
      resolve(state as StateNamed<Name>);
    };
    connection.on("state", listener);
  });
}

/** Resolves when the connection is in the state, at once if it is. */
export async function reaches<Name extends ConnectionState["name"]>(
  connection: Connection,
  name: Name,
): Promise<StateNamed<Name>> {
  const { state } = connection;
  return state.name === name ? (state as StateNamed<Name>) : enters(connection, name);
}

/** The names of the states that it enters from now on. */
export function stateNames(connection: Connection): ConnectionState["name"][] {
  const names: ConnectionState["name"][] = [];
  connection.on("state", ({ name }) => names.push(name));
  return names;
}

/** Sends an event with this number as its data; resolves with its fate, and never rejects. */
export function sendNumber(
  connection: Connection,
  number: number,
  qos: QoS = 1,
): Promise<M1Error | undefined> {
  return new Promise((resolve) => {
    const payload = JSON.stringify({ event_data: { number } });
    connection.send({ topic: eventTopic(WHO, "d"), payload, qos, done: resolve });
  });
}

export function sendNumbers(
  connection: Connection,
  count: number,
  qos: QoS = 1,
  first = 0,
): Promise<(M1Error | undefined)[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => sendNumber(connection, first + index, qos)),
  );
}

/** A server that knows nothing of MQTT: what it does with a socket is up to the test. */
export interface RawServer {
  readonly url: string;
  readonly port: number;
  readonly sockets: readonly Socket[];
  stop(): Promise<void>;
}

export async function rawServer(
  onSocket: (socket: Socket) => void = () => undefined,
  tls?: TlsOptions,
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const take = (socket: Socket) => {
    sockets.push(socket);
    // Clients vanish without a word here.
    socket.on("error", () => undefined);
    onSocket(socket);
  };
  const server: Server = tls ? createTlsServer(tls, take) : createServer(take);
  const raw = new Set<Socket>();
  server.on("connection", (socket) => raw.add(socket));
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? "mqtts" : "mqtt"}://127.0.0.1:${port}`,
    port,
    sockets,
    stop() {
      for (const socket of raw) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
