// A local Medium One: an MQTT broker that keeps the wire contract strictly and says why it refuses.
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import {
  Aedes,
  type AedesOptions,
  type AedesPublishPacket,
  type Client,
  type ConnectPacket,
  type PublishPacket,
  type Subscription,
} from "aedes";
import { arrivalClock } from "../nodes/protocol/arrival-clock";
import { formatBrokerUrl } from "../nodes/protocol/broker-url";
import { LONGEST_CLIENT_ID, username } from "../nodes/protocol/credentials";
import type { QoS } from "../nodes/protocol/settings";
import type { Timestamp } from "../nodes/protocol/timestamp";
import { type Identity, maySubscribe, parseAddress } from "../nodes/protocol/topics";
import { type Account, DEMO_ACCOUNT } from "./accounts";
import { type AdmittedEvent, admitConnect, admitPublish, admitSubscribe } from "./admission";
import { type Cloud, type PublishOptions, payloadBytes, type Rule, UserCloud } from "./cloud";
import { grantedQos, lesser } from "./granted-qos";
import type { ConnectedClient, Refusal, SandboxEvents } from "./happenings";
import { type Listener, type ListenOptions, listen } from "./listener";
import { Refused } from "./refusal";
import { type StoredEvent, storedEvent } from "./stored-event";
import { Turns } from "./turns";
import { tap, type WirePacket } from "./wire";

export { type Account, DEMO_ACCOUNT } from "./accounts";
export type { Cloud, PublishOptions, Rule } from "./cloud";
export type * from "./happenings";
export type { RefusalCode } from "./refusal";
export type { StoredEvent } from "./stored-event";
export type { FilterWithQos, WirePacket } from "./wire";

/** Medium One's own for MQTT without TLS. */
export const DEFAULT_PORT = 61_619;

export interface SandboxOptions {
  /** Loopback only: the sandbox is no server for others. */
  readonly host?: "127.0.0.1" | "::1";
  /** 0 is any free port. */
  readonly port?: number;
  /** DEMO_ACCOUNT unless told. The cloud sends to the first unless told. */
  readonly accounts?: readonly Account[];
  /** What stands for the projects' workflows; none unless told. */
  readonly rules?: readonly Rule[];
  /** The server's clock. */
  readonly now?: () => Timestamp;
  readonly tls?: ListenOptions["tls"];
  readonly websocket?: boolean;
  /** How many events, refusals and packets are remembered. */
  readonly keep?: number;
}

export interface SendOptions extends PublishOptions {
  /** Whose device, or whose project's group; the first account's unless told. */
  readonly user?: Identity;
}

export type SandboxErrorCode = "PORT_TAKEN" | "LISTEN_FAILED" | "NOT_RUNNING";

export class SandboxError extends Error {
  readonly code: SandboxErrorCode;

  constructor(code: SandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SandboxError";
    this.code = code;
  }
}

interface Running {
  readonly broker: Broker;
  readonly listener: Listener;
}

/** What the types of aedes leave out. */
type Broker = Aedes & {
  readonly persistence: {
    removeSubscriptions(client: Client, filters: readonly string[]): Promise<void>;
  };
};

/** What is known of one network connection. */
interface Session {
  readonly address: string;
  who: Identity | undefined;
  will: ConnectPacket["will"];
  readonly subscriptions: Map<string, QoS>;
  sessionPresent: boolean;
  graceful: boolean;
  /** Once set, nothing else that the connection brings is looked at. */
  refused: Refused | undefined;
  endedBy: string | undefined;
}

/** Milliseconds until a client that does not read is cut off; the others wait for it. */
const DRAIN_TIMEOUT = 5000;
/** CONNACK for a will that the user may not publish (MQTT 3.1.1, table 3.1). */
const NOT_AUTHORIZED = 5;
/** SUBACK's failure (MQTT-3.9.3-2). */
const NOT_GRANTED = 0x80;

/** Errors of aedes that tell how a connection ended, not that a packet was wrong. */
const ENDINGS: ReadonlySet<string> = new Set([
  "keep alive timeout",
  "drain timeout",
  "connection closed",
  "connect did not arrive in time",
]);

export class Sandbox extends EventEmitter<SandboxEvents> implements Cloud {
  readonly #options: ListenOptions;
  readonly #accounts: readonly Account[];
  readonly #rules: readonly Rule[];
  readonly #now: () => Timestamp;
  readonly #keep: number;

  readonly #events: StoredEvent[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #wire: WirePacket[] = [];

  readonly #clients = new Map<string, Client>();
  readonly #sessions = new WeakMap<Client, Session>();
  /** Events between being let in and being routed, by their packet; a QoS 2 duplicate stays here. */
  readonly #admitted = new WeakMap<object, AdmittedEvent>();

  #running: Running | undefined;
  /** Sessions and retained messages outlive a stop, as they outlive a restart of the cloud. */
  #persistence: Broker["persistence"] | undefined;
  readonly #lifecycle = new Turns();
  readonly #routing = new Turns();

  constructor(options: SandboxOptions = {}) {
    super();
    const { host = "127.0.0.1", port = DEFAULT_PORT, tls, websocket = false } = options;
    this.#options = { host, port, tls, websocket };
    this.#accounts = options.accounts ?? [DEMO_ACCOUNT];
    this.#rules = options.rules ?? [];
    this.#now = options.now ?? arrivalClock();
    this.#keep = options.keep ?? 1000;
  }

  /** The port it listens on, or would. */
  get port(): number {
    return this.#running?.listener.port ?? this.#options.port;
  }

  /** What a client connects to. */
  get url(): string {
    const { host, tls, websocket } = this.#options;
    const scheme = websocket ? (tls ? "wss" : "ws") : tls ? "mqtts" : "mqtt";
    return formatBrokerUrl({ scheme, host, port: this.port, path: "" });
  }

  /** The events that were accepted, oldest first. */
  get events(): readonly StoredEvent[] {
    return this.#events;
  }

  get refusals(): readonly Refusal[] {
    return this.#refusals;
  }

  /** The packets that clients sent, in the order they came. */
  get wire(): readonly WirePacket[] {
    return this.#wire;
  }

  get clients(): readonly ConnectedClient[] {
    return [...this.#clients.values()].map((client) => this.#describe(client));
  }

  /** Rejects with SandboxError PORT_TAKEN or LISTEN_FAILED. Does nothing if it runs already. */
  start(): Promise<void> {
    return this.#lifecycle.take(async () => {
      this.#running ??= await this.#open();
    });
  }

  /** Ends every client and frees the port. Does nothing if it does not run. */
  stop(): Promise<void> {
    return this.#lifecycle.take(async () => {
      const running = this.#running;
      this.#running = undefined;
      if (running) await close(running);
    });
  }

  /** Cuts a client's connection without a word. False if there is no such client. */
  kick(clientId: string): boolean {
    const client = this.#clients.get(clientId);
    client?.conn.destroy();
    return client !== undefined;
  }

  /** The next of what it emits under `name` for which `matches` holds. */
  next<Name extends keyof SandboxEvents>(
    name: Name,
    matches: (value: SandboxEvents[Name][0]) => boolean = () => true,
  ): Promise<SandboxEvents[Name][0]> {
    // The types of EventEmitter cannot follow a name that is still a parameter.
    const emitter = this as EventEmitter;
    return new Promise((resolve) => {
      const listener = (value: SandboxEvents[Name][0]) => {
        if (!matches(value)) return;
        emitter.off(name, listener);
        resolve(value);
      };
      emitter.on(name, listener);
    });
  }

  // --- the cloud speaks -----------------------------------------------------------------------

  sendDeviceEvent(deviceId: string, payload: unknown, options: SendOptions = {}): Promise<void> {
    return this.#cloudOf(options.user).sendDeviceEvent(deviceId, payload, options);
  }

  sendUpdate(
    deviceId: string,
    updateType: string,
    payload: unknown,
    options: SendOptions = {},
  ): Promise<void> {
    return this.#cloudOf(options.user).sendUpdate(deviceId, updateType, payload, options);
  }

  sendGroupMessage(
    groupId: string,
    updateType: string,
    payload: unknown,
    options: SendOptions = {},
  ): Promise<void> {
    return this.#cloudOf(options.user).sendGroupMessage(groupId, updateType, payload, options);
  }

  /** Publishes to any topic, sensible or not. Rejects with SandboxError NOT_RUNNING. */
  async publishRaw(topic: string, payload: unknown, options: PublishOptions = {}): Promise<void> {
    if (!this.#running) throw notRunning();
    const { broker } = this.#running;
    const { qos = 1, retain = false } = options;
    const bytes = payloadBytes(payload);
    const address = parseAddress(topic);
    this.emit("sent", { sentAt: this.#now(), topic, address, payload: bytes, qos, retain });
    await this.#route(broker, { cmd: "publish", topic, payload: bytes, qos, retain, dup: false });
  }

  /**
   * Messages are routed one after the other: aedes takes one for a duplicate when a later one
   * overtakes it, as one that is not retained overtakes one that is.
   */
  #route(broker: Broker, packet: PublishPacket): Promise<void> {
    return this.#routing.take(() => publish(broker, packet));
  }

  /**
   * Nothing is routed while a client is let in: its session's filters are live before its CONNACK
   * is written, which has to come first (MQTT-3.2.0-1), and what it missed before what is new.
   */
  #letIn(client: Client, proceed: () => void): void {
    void this.#routing.take(
      () =>
        new Promise<void>((resolve) => {
          if (client.conn.destroyed) return resolve();
          client.once("connected", resolve);
          client.conn.once("close", resolve);
          proceed();
        }),
    );
  }

  #cloudOf(user: Identity | undefined): Cloud {
    const who = user ?? this.#accounts[0];
    if (!who) throw new TypeError("A sandbox without accounts has nobody to send to");
    return new UserCloud(who, (topic, payload, options) =>
      this.publishRaw(topic, payload, options),
    );
  }

  // --- life -----------------------------------------------------------------------------------

  async #open(): Promise<Running> {
    const broker = await this.#createBroker();
    try {
      const listener = await listen(this.#options, {
        arrived: (stream, address) => this.#welcome(broker, stream, address),
        strayed: () => this.#report({ what: "connect" }, Refused.because("SUBPROTOCOL")),
      });
      return { broker, listener };
    } catch (error) {
      await closeBroker(broker);
      throw this.#listenError(error);
    }
  }

  async #createBroker(): Promise<Broker> {
    const options: AedesOptions = {
      maxClientsIdLength: LONGEST_CLIENT_ID,
      drainTimeout: DRAIN_TIMEOUT,
      persistence: this.#persistence,
      preConnect: (client, packet, done) => {
        this.#preConnect(client, packet);
        this.#letIn(client, () => done(null, true));
      },
      authenticate: (client, _username, _password, done) => {
        const { refused } = this.#session(client);
        if (!refused) return done(null, true);
        const { returnCode = NOT_AUTHORIZED } = refused;
        done(Object.assign(refused, { returnCode }), null);
      },
      authorizePublish: (client, packet, done) => done(this.#authorizePublish(client, packet)),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#authorizeSubscribe(client, subscription)),
      authorizeForward: (client, packet) => this.#forward(client, packet),
      published: (packet, client, done) => {
        this.#published(packet, client);
        done();
      },
    };
    const broker = (await Aedes.createBroker(options)) as Broker;
    this.#persistence = broker.persistence;
    this.#listenTo(broker);
    return broker;
  }

  #listenTo(broker: Broker): void {
    // Before the CONNACK is written: who is told that it is connected, is.
    broker.on("client", (client) => this.#connected(client));
    broker.on("clientDisconnect", (client) => this.#disconnected(client));
    broker.on("clientError", (client, error) => this.#broke(client, error));
    broker.on("connectionError", (client, error) => this.#broke(client, error));
    broker.on("subscribe", (subscriptions, client) =>
      this.#subscribed(broker, client, subscriptions),
    );
    broker.on("unsubscribe", (filters, client) => this.#unsubscribed(client, filters));
    (broker as EventEmitter).on("error", (error: Error) => this.emit("error", error));
  }

  #listenError(error: unknown): SandboxError {
    const { host, port } = this.#options;
    const { code, message } = error as NodeJS.ErrnoException;
    const place = `port ${port} of ${host}`;
    return code === "EADDRINUSE"
      ? new SandboxError("PORT_TAKEN", `Another program listens on ${place}`, { cause: error })
      : new SandboxError("LISTEN_FAILED", `Cannot listen on ${place}: ${message}`, {
          cause: error,
        });
  }

  // --- clients come and go ----------------------------------------------------------------------

  #welcome(broker: Broker, stream: Duplex, address: string): void {
    const client = broker.handle(stream);
    this.#sessions.set(client, {
      address,
      who: undefined,
      will: undefined,
      subscriptions: new Map(),
      sessionPresent: false,
      graceful: false,
      refused: undefined,
      endedBy: undefined,
    });
    tap(stream, (packet) => {
      remember(this.#wire, packet, this.#keep);
      if (packet.cmd === "disconnect") this.#session(client).graceful = true;
    });
  }

  #preConnect(client: Client, packet: ConnectPacket): void {
    const session = this.#session(client);
    try {
      session.who = admitConnect(packet, this.#accounts);
      session.will = packet.will;
    } catch (error) {
      session.refused = Refused.from(error);
      this.#report({ what: "connect", ...connectPlace(packet, session.refused) }, session.refused);
    }
  }

  #connected(client: Client): void {
    // It may have gone while it was being let in; aedes registers it all the same.
    if (client.closed) return;
    this.#clients.set(client.id, client);
    this.emit("connected", this.#describe(client));
  }

  #disconnected(client: Client): void {
    if (this.#clients.get(client.id) !== client) return;
    this.#clients.delete(client.id);
    const { graceful, endedBy } = this.#session(client);
    this.emit("disconnected", { ...this.#name(client), graceful, reason: endedBy });
  }

  /** The connection failed: because of what we refused, of a packet that is none, or by itself. */
  #broke(client: Client, error: Error): void {
    const session = this.#session(client);
    if (session.endedBy !== undefined) return;
    session.endedBy = error.message;
    const byItself = "code" in error || ENDINGS.has(error.message);
    if (session.refused || byItself) return;
    session.refused = Refused.because("PACKET", { reason: error.message });
    const who = session.who ? this.#name(client) : {};
    this.#report({ what: "protocol", ...who }, session.refused);
  }

  #session(client: Client): Session {
    const session = this.#sessions.get(client);
    if (!session) throw new ReferenceError(`Client ${client.id} did not come in by the door`);
    return session;
  }

  #name(client: Client): { clientId: string; username: string } {
    const { who } = this.#session(client);
    return { clientId: client.id, username: who ? username(who) : "" };
  }

  #describe(client: Client): ConnectedClient {
    const { sessionPresent, subscriptions } = this.#session(client);
    return {
      ...this.#name(client),
      clean: client.clean,
      sessionPresent,
      subscriptions: [...subscriptions].map(([filter, qos]) => ({ filter, qos })),
    };
  }

  // --- events arrive ----------------------------------------------------------------------------

  /** An error drops the connection: MQTT 3.1.1 has no other way to refuse (MQTT-3.3.5-2). */
  #authorizePublish(client: Client | null, packet: PublishPacket): Error | null {
    // A will left over from before a restart has no client; its event was checked at CONNECT.
    if (!client) return null;
    const session = this.#session(client);
    // A will is due however the connection ended, short of DISCONNECT (MQTT-3.1.2-8).
    if (session.refused && packet !== session.will) return session.refused;
    if (!session.who) return new ReferenceError(`Client ${client.id} never proved who it is`);
    try {
      this.#admitted.set(packet, admitPublish(packet, session.who));
      return null;
    } catch (error) {
      session.refused = Refused.from(error);
      const { topic } = packet;
      this.#report({ what: "publish", ...this.#name(client), topic }, session.refused);
      return session.refused;
    }
  }

  #published(packet: AedesPublishPacket, client: Client | null): void {
    const admitted = this.#admitted.get(packet);
    if (!admitted || !client) return;
    const { who, address } = this.#session(client);
    if (!who) return;
    const event = storedEvent(admitted, {
      who,
      clientId: client.id,
      receivedAt: this.#now(),
      address,
      qos: packet.qos,
      dup: packet.dup,
    });
    remember(this.#events, event, this.#keep);
    this.emit("event", event);
    for (const rule of this.#rules) void this.#run(rule, event);
  }

  async #run(rule: Rule, event: StoredEvent): Promise<void> {
    try {
      await rule(event, this.#cloudOf(event));
    } catch (error) {
      // A rule may outlive the sandbox by a message.
      if (error instanceof SandboxError && error.code === "NOT_RUNNING") return;
      this.emit("error", error instanceof Error ? error : new Error(String(error)));
    }
  }

  // --- subscriptions ----------------------------------------------------------------------------

  /** null is answered with 0x80 (MQTT-3.9.3-2). Asked for each filter of a restored session too. */
  #authorizeSubscribe(client: Client, subscription: Subscription): Subscription | null {
    const session = this.#session(client);
    if (!session.who || session.refused) return null;
    if (this.#clients.get(client.id) !== client) session.sessionPresent = true;
    const { topic: filter, qos } = subscription;
    try {
      admitSubscribe(filter, session.who);
    } catch (error) {
      const refused = Refused.from(error);
      this.#report({ what: "subscribe", ...this.#name(client), filter }, refused);
      return null;
    }
    session.subscriptions.set(filter, qos);
    return subscription;
  }

  #subscribed(broker: Broker, client: Client, asked: readonly Subscription[]): void {
    const granted = asked.filter(({ qos }) => (qos as number) !== NOT_GRANTED);
    if (granted.length < asked.length) this.#forgetRefused(broker, client, asked);
    if (granted.length === 0) return;
    const subscriptions = granted.map(({ topic, qos }) => ({ filter: topic, qos }));
    this.emit("subscribed", { ...this.#name(client), subscriptions });
  }

  /** aedes stores all filters of a packet once one is granted, and would queue messages for them. */
  #forgetRefused(broker: Broker, client: Client, asked: readonly Subscription[]): void {
    const refused = asked.filter(({ qos }) => (qos as number) === NOT_GRANTED);
    broker.persistence
      .removeSubscriptions(
        client,
        refused.map(({ topic }) => topic),
      )
      .catch((error: Error) => this.emit("error", error));
  }

  #unsubscribed(client: Client, filters: readonly string[]): void {
    // aedes tells the end of a clean session in the same way.
    if (client.closed) return;
    const { subscriptions } = this.#session(client);
    for (const filter of filters) subscriptions.delete(filter);
    this.emit("unsubscribed", { ...this.#name(client), filters });
  }

  /**
   * What aedes leaves open: a session may have queued what its present user may not read (another
   * user's client id), and no message is to exceed the QoS that was granted (MQTT-3.8.4-6).
   */
  #forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const { who, subscriptions } = this.#session(client);
    if (!who || !maySubscribe(who, packet.topic)) return null;
    packet.qos = lesser(packet.qos, grantedQos(subscriptions, packet.topic));
    return packet;
  }

  // --- the record -------------------------------------------------------------------------------

  #report(place: Omit<Refusal, "at" | "code" | "reason">, refused: Refused): void {
    const { code, message } = refused;
    const refusal = { at: this.#now(), ...place, code, reason: message };
    remember(this.#refusals, refusal, this.#keep);
    this.emit("refusal", refusal);
  }
}

function connectPlace(packet: ConnectPacket, { returnCode }: Refused): Partial<Refusal> {
  const { clientId, username: name, will } = packet;
  return {
    clientId,
    ...(name !== undefined && { username: name }),
    ...(returnCode !== undefined && { returnCode }),
    ...(returnCode === NOT_AUTHORIZED && will && { topic: will.topic }),
  };
}

function publish(broker: Broker, packet: PublishPacket): Promise<void> {
  return new Promise((resolve, reject) => {
    broker.publish(packet, (error) => {
      if (!error) resolve();
      else reject(broker.closed ? notRunning(error) : error);
    });
  });
}

async function close({ broker, listener }: Running): Promise<void> {
  const { ended } = listener.close();
  await closeBroker(broker);
  await ended();
}

function closeBroker(broker: Broker): Promise<void> {
  return new Promise((resolve) => broker.close(resolve));
}

function remember<Item>(items: Item[], item: Item, limit: number): void {
  items.push(item);
  if (items.length > limit) items.shift();
}

function notRunning(cause?: Error): SandboxError {
  return new SandboxError("NOT_RUNNING", "The sandbox is not running: start() it first", { cause });
}
