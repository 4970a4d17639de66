// A local Medium One: an MQTT broker that keeps the wire contract strictly and says why it refuses.
import { EventEmitter } from "node:events";
import { arrivalClock } from "../nodes/protocol/arrival-clock";
import { formatBrokerUrl } from "../nodes/protocol/broker-url";
import type { Timestamp } from "../nodes/protocol/timestamp";
import { type Identity, parseAddress } from "../nodes/protocol/topics";
import { BOUNDS, type Bounds } from "./bounds";
import { Authorizer } from "./broker/authorizer";
import { Broker, type BrokerListener } from "./broker/broker";
import { ConnectedClients } from "./broker/connected-clients";
import { KeptMessages, KeptRetained, KeptSessions } from "./broker/kept";
import { type Listener, type ListenOptions, listen } from "./broker/listener";
import { Persistence } from "./broker/persistence";
import { SessionFilters } from "./broker/session-filters";
import { Turns } from "./broker/turns";
import { Weather, type WeatherOptions } from "./broker/weather";
import type { WirePacket } from "./broker/wire";
import { type Account, DEMO_ACCOUNT, type NewUser } from "./cloud/accounts";
import type {
  ConnectedClient,
  Refusal,
  RefusedPlace,
  SandboxEvents,
  Sent,
  Totals,
} from "./cloud/activity";
import { ActivityLog } from "./cloud/activity-log";
import type { AuthorizedEvent } from "./cloud/authorization";
import { type Cloud, type PublishOptions, payloadBytes, type Rule, UserCloud } from "./cloud/cloud";
import { checkTopic } from "./cloud/names";
import { Refused } from "./cloud/refusal";
import { type Arrival, type StoredEvent, storedEvent } from "./cloud/stored-event";
import { Users } from "./cloud/users";
import { WorkflowRunner } from "./cloud/workflow-runner";
import type { Configuration } from "./command/configuration";
import { Keeping } from "./data/keeping";
import { SandboxError } from "./sandbox-error";

export type { Bounds } from "./bounds";
export type { FilterWithQos, WirePacket } from "./broker/wire";
export { type Account, DEMO_ACCOUNT, DEMO_REGISTRATION } from "./cloud/accounts";
export type * from "./cloud/activity";
export type { Cloud, Memory, PublishOptions, Rule } from "./cloud/cloud";
export type { RefusalCode } from "./cloud/refusal";
export type { StoredEvent } from "./cloud/stored-event";
export type { Configuration } from "./command/configuration";
export { SandboxError, type SandboxErrorCode } from "./sandbox-error";

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
  /**
   * A folder in which events, retained messages, sessions and users made over REST outlive the
   * sandbox. It is made if it is not there; without one, all is in memory only.
   */
  readonly data?: string | undefined;
  /** What it holds besides. */
  readonly bounds?: Partial<Bounds>;
  /** Fair unless told. */
  readonly weather?: WeatherOptions;
}

export interface SendOptions extends PublishOptions {
  /** Whose device, or whose project's group; the first account's unless told. */
  readonly user?: Identity;
}

interface Running {
  readonly broker: Broker;
  readonly listener: Listener;
}

export class Sandbox extends EventEmitter<SandboxEvents> implements Cloud {
  readonly #options: ListenOptions;
  readonly #users: Users;
  readonly #rules: WorkflowRunner;
  readonly #now: () => Timestamp;
  readonly #bounds: Bounds;
  readonly #activity: ActivityLog;
  readonly #weather: Weather;
  readonly #authorizer: Authorizer;
  readonly #filters: SessionFilters;
  readonly #clients: ConnectedClients;
  #running: Running | undefined;
  /** Sessions and retained messages outlive a stop, as they outlive a restart of the cloud. */
  readonly #persistence: Persistence;
  readonly #keeping: Keeping | undefined;
  readonly #lifecycle = new Turns();

  constructor(options: SandboxOptions = {}) {
    super();
    // Any number of pages and reports may follow what happens.
    this.setMaxListeners(0);
    const { host = "127.0.0.1", port = DEFAULT_PORT, tls, websocket = false } = options;
    this.#options = { host, port, tls, websocket };
    this.#bounds = { ...BOUNDS, ...options.bounds };
    this.#rules = this.#openRules(options.rules ?? []);
    this.#now = options.now ?? arrivalClock();
    const { keep = 1000 } = options;
    const { retained, subscriptions, filters } = this.#bounds;
    this.#activity = new ActivityLog({ keep, retained });
    this.#filters = new SessionFilters({ ofOne: subscriptions, ofAll: filters });
    this.#persistence = this.#openPersistence();
    this.#weather = new Weather(options.weather);
    this.#users = new Users({
      accounts: options.accounts ?? [DEMO_ACCOUNT],
      limit: this.#bounds.users,
      createLater: this.#weather.createLater,
      changed: () => this.emit("configured"),
    });
    this.#authorizer = new Authorizer({
      accounts: () => this.accounts,
      weather: this.#weather,
      report: (place, refused) => this.refuse(place, refused),
      filters: this.#filters,
    });
    this.#clients = this.#openClients(options.recordWire ?? false);
    this.#keeping = options.data === undefined ? undefined : this.#openKeeping(options.data, keep);
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
    return this.#activity.events;
  }

  get refusals(): readonly Refusal[] {
    return this.#activity.refusals;
  }

  /** The packets that clients sent, in the order they came; none without `recordWire`. */
  get wire(): readonly WirePacket[] {
    return this.#activity.wire;
  }

  get clients(): readonly ConnectedClient[] {
    return this.#clients.all;
  }

  /** What the cloud published, oldest first. */
  get sent(): readonly Sent[] {
    return this.#activity.sent;
  }

  /** The messages that the cloud retains, those of the same topic as one; oldest first. */
  get retained(): readonly Sent[] {
    return this.#activity.retained;
  }

  get totals(): Totals {
    return this.#activity.totals;
  }

  /** What it does to connections on purpose. */
  get weather(): Weather {
    return this.#weather;
  }

  /** Who may log in. */
  get accounts(): readonly Account[] {
    return this.#users.accounts;
  }

  /**
   * Lets a new basic user of a project in, by REST and by MQTT: at once, or as late as the weather has it.
   * Throws Refused USERS_FULL.
   */
  addUser(projectMqtt: string, user: NewUser): void {
    this.#users.add(projectMqtt, user);
  }

  /** Whether a project has a user of that login ID, or will have. */
  hasUser(projectMqtt: string, loginId: string): boolean {
    return this.#users.has(projectMqtt, loginId);
  }

  /**
   * From now on other users may log in and other workflows run. Users made over REST stay if their
   * project does, with the API keys it has now. Clients whose user is gone are cut off.
   */
  configure({ accounts, rules }: Configuration): void {
    this.#users.configure(accounts);
    this.#rules.replace(rules);
    this.#clients.recheck();
    this.emit("configured");
  }

  /**
   * Rejects with SandboxError PORT_TAKEN or LISTEN_FAILED, or one whose code begins with DATA_.
   * Does nothing if it runs already.
   */
  start(): Promise<void> {
    return this.#lifecycle.take(async () => {
      this.#running ??= await this.#open();
    });
  }

  /** Ends every client and frees the port. Does nothing if it does not run. */
  stop(): Promise<void> {
    return this.#lifecycle.take(async () => {
      if (!this.#running) return;
      try {
        // Workflows may still answer what came last.
        await close(this.#running);
      } finally {
        this.#running = undefined;
        await this.#keeping?.close();
      }
    });
  }

  /** Cuts a client's connection without a word. False if there is no such client. */
  kick(clientId: string): boolean {
    return this.#clients.kick(clientId);
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
    const routed = this.#weather.routed(topic);
    checkTopic(routed);
    const { broker } = this.#running;
    const { qos = 1, retain } = options;
    const to = { topic: routed, address: parseAddress(topic) };
    const message = { ...to, payload: payloadBytes(payload), qos };
    return broker.publish(() => this.#begin(message, retain));
  }

  /** A message of the cloud is on record when it is its turn: it goes out then, and those before it have. */
  #begin(message: Omit<Sent, "sentAt" | "retain">, retain?: boolean): Sent {
    const retention = this.#retention(message, retain);
    const sent = { sentAt: this.#now(), ...message, ...retention };
    this.#activity.addSent(sent);
    this.emit("sent", sent);
    return sent;
  }

  #retention(
    message: Pick<Sent, "topic" | "payload">,
    wanted = false,
  ): Pick<Sent, "retain" | "notRetained"> {
    if (!wanted || this.#activity.hasRoomToRetain(message)) return { retain: wanted };
    const { retained: limit } = this.#bounds;
    this.refuse(
      { what: "memory", topic: message.topic },
      Refused.because("RETAINED_FULL", { limit }),
    );
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
    await this.#keeping?.open();
    try {
      return await this.#openDoors();
    } catch (error) {
      await this.#keeping?.close();
      throw error;
    }
  }

  async #openDoors(): Promise<Running> {
    const broker = await this.#openBroker();
    try {
      const listener = await listen(this.#options, {
        arrived: (stream, address) => this.#clients.welcome(broker, stream, address),
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

  #openBroker(): Promise<Broker> {
    const listener: BrokerListener = {
      clients: this.#clients,
      published: (packet, client) => {
        const arrived = this.#authorizer.arrived(packet, client);
        if (arrived) this.store(arrived.event, arrived.arrival);
      },
      failed: (error) => this.emit("error", error),
    };
    return Broker.open(this.#authorizer, listener, this.#persistence, this.#weather.latency);
  }

  #openRules(rules: readonly Rule[]): WorkflowRunner {
    const { devices: limit } = this.#bounds;
    const inForce = new WorkflowRunner({
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
      isLetIn: (client) => this.#authorizer.isLetIn(client),
      retainsFor: (filter) => this.#weather.retainsFor(filter),
      ended: (clientId) => this.#filters.end(clientId),
    });
  }

  #openClients(recordsWire: boolean): ConnectedClients {
    return new ConnectedClients({
      authorizer: this.#authorizer,
      weather: this.#weather,
      persistence: this.#persistence,
      filters: this.#filters,
      bounds: this.#bounds,
      emitter: this,
      refuse: (place, refused) => this.refuse(place, refused),
      onPacket: recordsWire ? (packet) => this.#activity.addPacket(packet) : undefined,
    });
  }

  #openKeeping(folder: string, keep: number): Keeping {
    return new Keeping({
      folder,
      keep,
      events: this.#activity,
      rooms: {
        users: this.#users,
        retained: new KeptRetained(this.#activity, this.#persistence),
        waiting: new KeptMessages(this.#persistence),
        // Last, so that one session too many ends with all that it has.
        sessions: new KeptSessions(this.#clients, this.#persistence, this.#filters),
      },
      failed: ({ message: reason }) =>
        this.refuse({ what: "disk" }, Refused.because("DISK_FAILED", { folder, reason })),
    });
  }

  // --- events arrive ----------------------------------------------------------------------------

  /** Resolves once the answers of the workflows to earlier events are on their way. */
  async caughtUp(): Promise<void> {
    await this.#running?.broker.caughtUp();
  }

  /** Stores an event that was let in, by whatever door, and has the workflows run. */
  store(authorized: AuthorizedEvent, arrival: Arrival): void {
    const event = storedEvent(authorized, arrival, this.#now());
    this.#activity.addEvent(event);
    this.emit("event", event);
    this.#rules.run(event);
  }

  /** Puts a refusal on record. */
  refuse(place: RefusedPlace, { code, message }: Refused): void {
    const refusal = { at: this.#now(), ...place, code, reason: message };
    this.#activity.addRefusal(refusal);
    this.emit("refusal", refusal);
  }
}

async function close({ broker, listener }: Running): Promise<void> {
  const { ended } = listener.close();
  await broker.close();
  await ended();
}
