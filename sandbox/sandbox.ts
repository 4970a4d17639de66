// A local Medium One: an MQTT broker that keeps the wire contract strictly and says why it refuses.
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { AedesPublishPacket, Client, Subscription } from "aedes";
import { arrivalClock } from "../nodes/protocol/arrival-clock";
import { formatBrokerUrl } from "../nodes/protocol/broker-url";
import type { Timestamp } from "../nodes/protocol/timestamp";
import { type Identity, parseAddress } from "../nodes/protocol/topics";
import {
  type Account,
  type AddedUser,
  accountsOf,
  addedUser,
  DEMO_ACCOUNT,
  type NewUser,
} from "./accounts";
import type { AdmittedEvent } from "./admission";
import {
  BOUNDS,
  type Bounds,
  EVENTS_WEIGHT,
  LONGEST_PACKET,
  MESSAGES_WEIGHT,
  messageWeight,
  RECORDS_WEIGHT,
} from "./bounds";
import { Broker } from "./broker";
import { type Cloud, type PublishOptions, payloadBytes, type Rule, UserCloud } from "./cloud";
import type { Configuration } from "./config";
import { Frames } from "./frames";
import { Gate } from "./gate";
import {
  type ConnectedClient,
  type Refusal,
  type RefusedPlace,
  refusalWeight,
  type SandboxEvents,
  type Sent,
  type Totals,
} from "./happenings";
import { History } from "./history";
import { type Listener, type ListenOptions, listen } from "./listener";
import { checkTopic } from "./names";
import { Persistence } from "./persistence";
import { Recent } from "./recent";
import { Refused } from "./refusal";
import { Retained } from "./retained";
import { RulesInForce } from "./rules-in-force";
import { SandboxError } from "./sandbox-error";
import { type Arrival, eventWeight, type StoredEvent, storedEvent } from "./stored-event";
import { Turns } from "./turns";
import { Weather, type WeatherOptions } from "./weather";
import { packetWeight, tap, type WirePacket } from "./wire";

export { type Account, DEMO_ACCOUNT } from "./accounts";
export type { Bounds } from "./bounds";
export type { Cloud, Memory, PublishOptions, Rule } from "./cloud";
export type { Configuration } from "./config";
export type * from "./happenings";
export type { RefusalCode } from "./refusal";
export { SandboxError, type SandboxErrorCode } from "./sandbox-error";
export type { StoredEvent } from "./stored-event";
export type { FilterWithQos, WirePacket } from "./wire";

/** Medium One's own for MQTT without TLS. */
export const DEFAULT_PORT = 61_619;

export interface SandboxOptions {
  /** 127.0.0.1 unless told: the sandbox is no server for others. */
  readonly host?: string;
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
  /** How many events, refusals, messages and, if wanted, packets are remembered. */
  readonly keep?: number;
  /** Whether packets are: what clients send is parsed once more for it. False unless told. */
  readonly recordWire?: boolean;
  /** What it holds besides. */
  readonly bounds?: Partial<Bounds>;
  /** Fair unless told. */
  readonly weather?: WeatherOptions;
}

export interface SendOptions extends PublishOptions {
  /** Whose device, or whose project's group; the first account's unless told. */
  readonly user?: Identity;
}

/** MQTT 3.1.1, table 2.1. */
const DISCONNECT = 14;

interface Running {
  readonly broker: Broker;
  readonly listener: Listener;
}

export class Sandbox extends EventEmitter<SandboxEvents> implements Cloud {
  readonly #options: ListenOptions;
  #configured: readonly Account[];
  /** Users made over REST. */
  #added: readonly AddedUser[] = [];
  /** Those of both. */
  #accounts: readonly Account[];
  readonly #rules: RulesInForce;
  readonly #now: () => Timestamp;
  readonly #bounds: Bounds;
  readonly #recordsWire: boolean;

  readonly #events: History<StoredEvent>;
  readonly #refusals: History<Refusal>;
  readonly #wire: History<WirePacket>;
  readonly #sent: History<Sent>;
  readonly #totals = { events: 0, refusals: 0, sent: 0 };
  readonly #retained: Retained;

  readonly #weather: Weather;
  readonly #gate: Gate;
  readonly #clients = new Map<string, Client>();
  #running: Running | undefined;
  /** Sessions and retained messages outlive a stop, as they outlive a restart of the cloud. */
  readonly #persistence: Persistence;
  /** Clients that have a session and are not connected. */
  readonly #away: Recent<true>;
  readonly #lifecycle = new Turns();

  constructor(options: SandboxOptions = {}) {
    super();
    // Any number of pages and reports may follow what happens.
    this.setMaxListeners(0);
    const { host = "127.0.0.1", port = DEFAULT_PORT, tls, websocket = false } = options;
    this.#options = { host, port, tls, websocket };
    this.#configured = options.accounts ?? [DEMO_ACCOUNT];
    this.#accounts = this.#configured;
    this.#bounds = { ...BOUNDS, ...options.bounds };
    this.#recordsWire = options.recordWire ?? false;
    this.#rules = this.#openRules(options.rules ?? []);
    this.#now = options.now ?? arrivalClock();
    const { keep = 1000 } = options;
    this.#events = new History({ items: keep, weight: EVENTS_WEIGHT, weigh: eventWeight });
    const records = { items: keep, weight: RECORDS_WEIGHT };
    this.#refusals = new History<Refusal>({ ...records, weigh: refusalWeight });
    this.#wire = new History<WirePacket>({ ...records, weigh: packetWeight });
    this.#sent = new History<Sent>({ items: keep, weight: MESSAGES_WEIGHT, weigh: messageWeight });
    this.#retained = new Retained(this.#bounds.retained);
    this.#persistence = this.#openPersistence();
    this.#away = new Recent({
      items: this.#bounds.sessions,
      forgotten: (clientId) => this.#endSession(clientId),
    });
    this.#weather = new Weather(options.weather);
    this.#gate = new Gate({
      accounts: () => this.accounts,
      weather: this.#weather,
      report: (place, refused) => this.refuse(place, refused),
      mostSubscriptions: this.#bounds.subscriptions,
    });
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
    return this.#events.items;
  }

  get refusals(): readonly Refusal[] {
    return this.#refusals.items;
  }

  /** The packets that clients sent, in the order they came; none without `recordWire`. */
  get wire(): readonly WirePacket[] {
    return this.#wire.items;
  }

  get clients(): readonly ConnectedClient[] {
    return [...this.#clients.values()].map((client) => this.#gate.describe(client));
  }

  /** What the cloud published, oldest first. */
  get sent(): readonly Sent[] {
    return this.#sent.items;
  }

  /** The messages that the cloud retains, those of the same topic as one; oldest first. */
  get retained(): readonly Sent[] {
    return this.#retained.messages;
  }

  get totals(): Totals {
    return { ...this.#totals };
  }

  /** What it does to connections on purpose. */
  get weather(): Weather {
    return this.#weather;
  }

  /** Who may log in. */
  get accounts(): readonly Account[] {
    return this.#accounts;
  }

  /** Lets a new basic user of a project in, by REST and by MQTT. Throws Refused USERS_FULL. */
  addUser(projectMqtt: string, user: NewUser): void {
    const { users: limit } = this.#bounds;
    if (this.#added.length >= limit) throw Refused.because("USERS_FULL", { limit });
    this.#letIn(this.#configured, [...this.#added, addedUser(projectMqtt, user)]);
    this.emit("configured");
  }

  /**
   * From now on other users may log in and other workflows run. Users made over REST stay if their
   * project does, with the API keys it has now. Clients whose user is gone are cut off.
   */
  configure({ accounts, rules }: Configuration): void {
    this.#letIn(accounts, this.#added);
    this.#rules.replace(rules);
    for (const client of this.#clients.values()) this.#gate.recheck(client);
    this.emit("configured");
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

  /**
   * Publishes to any topic, sensible or not; an empty payload with `retain` removes what is
   * retained there (MQTT-3.3.1-10). Resolves with what it sent. Rejects with SandboxError
   * NOT_RUNNING, and with the code TOPIC_TOO_LONG or NAME_TOO_DEEP for what no broker could send on.
   */
  async publishRaw(topic: string, payload: unknown, options: PublishOptions = {}): Promise<Sent> {
    if (!this.#running) throw SandboxError.notRunning();
    checkTopic(topic);
    const { broker } = this.#running;
    const { qos = 1 } = options;
    const bytes = payloadBytes(payload);
    const address = parseAddress(topic);
    const retention = this.#retention(topic, bytes, options.retain);
    const sent = { sentAt: this.#now(), topic, address, payload: bytes, qos, ...retention };
    const { retain } = sent;
    if (retain) this.#retained.put(sent);
    this.#sent.add(sent);
    this.#totals.sent += 1;
    this.emit("sent", sent);
    await broker.publish({ cmd: "publish", topic, payload: bytes, qos, retain, dup: false });
    return sent;
  }

  #retention(topic: string, payload: Buffer, wanted = false): Pick<Sent, "retain" | "notRetained"> {
    if (!wanted || this.#retained.hasRoomFor({ topic, payload })) return { retain: wanted };
    const { retained: limit } = this.#bounds;
    this.refuse({ what: "memory", topic }, Refused.because("RETAINED_FULL", { limit }));
    return { retain: false, notRetained: true };
  }

  #cloudOf(user: Identity | undefined): Cloud {
    const who = user ?? this.accounts[0];
    if (!who) throw new TypeError("A sandbox without accounts has nobody to send to");
    return new UserCloud(who, async (topic, payload, options) => {
      await this.publishRaw(topic, payload, options);
    });
  }

  // --- life -----------------------------------------------------------------------------------

  async #open(): Promise<Running> {
    const broker = await this.#openBroker();
    try {
      const listener = await listen(this.#options, {
        arrived: (stream, address) => this.#welcome(broker, stream, address),
        strayed: () => this.refuse({ what: "connect" }, Refused.because("SUBPROTOCOL")),
        untrusting: (reason) =>
          this.refuse({ what: "connect" }, Refused.because("TLS", { reason })),
      });
      return { broker, listener };
    } catch (error) {
      await broker.close();
      const { host, port } = this.#options;
      throw SandboxError.cannotListen(error, host, port);
    }
  }

  async #openBroker(): Promise<Broker> {
    const listener = {
      connected: (client: Client) => this.#connected(client),
      disconnected: (client: Client) => this.#disconnected(client),
      subscribed: (client: Client, granted: readonly Subscription[]) => {
        const subscriptions = granted.map(({ topic, qos }) => ({ filter: topic, qos }));
        this.emit("subscribed", { ...this.#gate.name(client), subscriptions });
      },
      unsubscribed: (client: Client, filters: readonly string[]) => {
        const { subscriptions } = this.#gate.session(client);
        for (const filter of filters) subscriptions.delete(filter);
        this.emit("unsubscribed", { ...this.#gate.name(client), filters });
      },
      published: (packet: AedesPublishPacket, client: Client | null) => {
        const arrived = this.#gate.arrived(packet, client);
        if (arrived) this.store(arrived.event, arrived.arrival);
      },
      failed: (error: Error) => this.emit("error", error),
    };
    return Broker.open(this.#gate, listener, this.#persistence);
  }

  #letIn(configured: readonly Account[], added: readonly AddedUser[]): void {
    const projects = new Set(configured.map(({ projectMqtt }) => projectMqtt));
    const staying = added.filter(({ projectMqtt }) => projects.has(projectMqtt));
    this.#configured = configured;
    this.#added = staying;
    this.#accounts = [...configured, ...staying.flatMap((user) => accountsOf(configured, user))];
  }

  #openRules(rules: readonly Rule[]): RulesInForce {
    const { devices: limit } = this.#bounds;
    const inForce = new RulesInForce({
      devices: limit,
      cloudOf: (event) => this.#cloudOf(event),
      forgetting: () => this.refuse({ what: "memory" }, Refused.because("DEVICES_FULL", { limit })),
      failed: (error) => this.emit("error", error),
    });
    inForce.replace(rules);
    return inForce;
  }

  #openPersistence(): Persistence {
    const { waiting: limit } = this.#bounds;
    return new Persistence({
      limit,
      overflowed: (clientId, topic) =>
        this.refuse(
          { what: "memory", clientId, topic },
          Refused.because("WAITING_FULL", { limit }),
        ),
    });
  }

  #endSession(clientId: string): void {
    const { sessions: limit } = this.#bounds;
    this.refuse({ what: "memory", clientId }, Refused.because("SESSIONS_FULL", { limit }));
    this.#persistence.endSession(clientId).catch((error: Error) => this.emit("error", error));
  }

  // --- clients come and go ----------------------------------------------------------------------

  #welcome(broker: Broker, stream: Duplex, address: string): void {
    const slowed = this.#weather.slowed(stream);
    const client = broker.take(slowed);
    this.#gate.welcome(client, address);
    const frames = new Frames(({ type, length }) => {
      if (type === DISCONNECT) this.#gate.session(client).graceful = true;
      if (length > LONGEST_PACKET)
        slowed.destroy(Refused.because("PACKET_TOO_LONG", { length, limit: LONGEST_PACKET }));
    });
    // After the broker has taken the stream, so that listening here does not set it flowing.
    slowed.on("data", (chunk: Buffer) => frames.read(chunk));
    if (this.#recordsWire) tap(slowed, (packet) => this.#wire.add(packet));
  }

  #connected(client: Client): void {
    this.#gate.session(client).connected = true;
    this.#clients.set(client.id, client);
    this.#away.delete(client.id);
    this.emit("connected", this.#gate.describe(client));
  }

  #disconnected(client: Client): void {
    if (this.#clients.get(client.id) !== client) return;
    this.#clients.delete(client.id);
    if (!client.clean) this.#away.set(client.id, true);
    const { graceful, endedBy } = this.#gate.session(client);
    this.emit("disconnected", { ...this.#gate.name(client), graceful, reason: endedBy });
  }

  // --- events arrive ----------------------------------------------------------------------------

  /** Resolves once the answers of the workflows to earlier events are on their way. */
  async caughtUp(): Promise<void> {
    await this.#running?.broker.caughtUp();
  }

  /** Stores an event that was let in, by whatever door, and has the workflows run. */
  store(admitted: AdmittedEvent, arrival: Arrival): void {
    const event = storedEvent(admitted, arrival, this.#now());
    this.#events.add(event);
    this.#totals.events += 1;
    this.emit("event", event);
    this.#rules.run(event);
  }

  /** Puts a refusal on record. */
  refuse(place: RefusedPlace, { code, message }: Refused): void {
    const refusal = { at: this.#now(), ...place, code, reason: message };
    this.#refusals.add(refusal);
    this.#totals.refusals += 1;
    this.emit("refusal", refusal);
  }
}

async function close({ broker, listener }: Running): Promise<void> {
  const { ended } = listener.close();
  await broker.close();
  await ended();
}
