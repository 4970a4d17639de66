// The clients of a sandbox, from their coming in to their going, and their sessions while they are away.
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { Client, ConnectPacket, Subscription } from "aedes";
import type { Identity } from "../../nodes/protocol/topics";
import { type Bounds, LONGEST_PACKET } from "../bounds";
import type { ConnectedClient, RefusedPlace, SandboxEvents } from "../cloud/activity";
import { Recent } from "../cloud/recent";
import { Refused } from "../cloud/refusal";
import type { Authorizer } from "./authorizer";
import type { Broker, ClientsListener } from "./broker";
import { Frames } from "./frames";
import { checkPacket } from "./packet-rules";
import type { Persistence } from "./persistence";
import type { SessionFilters } from "./session-filters";
import { Unread } from "./unread";
import type { Weather } from "./weather";
import { tap, type WirePacket } from "./wire";

export interface ConnectedClientsOptions {
  readonly authorizer: Authorizer;
  readonly weather: Weather;
  readonly persistence: Persistence;
  readonly filters: SessionFilters;
  readonly bounds: Bounds;
  /** What becomes of clients is emitted here. */
  readonly emitter: EventEmitter<SandboxEvents>;
  readonly refuse: (place: RefusedPlace, refused: Refused) => void;
  /** Called for each packet that a client sends; nobody parses them for it unless it is there. */
  readonly onPacket: ((packet: WirePacket) => void) | undefined;
}

/** MQTT 3.1.1, table 2.1. */
const DISCONNECT = 14;

export class ConnectedClients implements ClientsListener {
  readonly #options: ConnectedClientsOptions;
  readonly #clients = new Map<string, Client>();
  /** By client ID, whose each session is that is kept, whether its client is connected or away. */
  readonly #owners = new Map<string, Identity>();
  /** Clients that have a session and are not connected. */
  readonly #away: Recent<true>;
  readonly #unread: Unread;
  #connections = 0;

  constructor(options: ConnectedClientsOptions) {
    const { sessions, unread } = options.bounds;
    this.#options = options;
    this.#away = new Recent({
      items: sessions,
      forgotten: (clientId) => this.#endSession(clientId),
    });
    this.#unread = new Unread(unread);
  }

  get all(): readonly ConnectedClient[] {
    const { authorizer } = this.#options;
    return [...this.#clients.values()].map((client) => authorizer.describe(client));
  }

  /** By client ID, whose each session is that is kept. */
  get owners(): ReadonlyMap<string, Identity> {
    return this.#owners;
  }

  /** A session that was kept from before; if there are too many, the one that was restored first ends. */
  restore(clientId: string, owner: Identity): void {
    this.#owners.set(clientId, owner);
    this.#away.set(clientId, true);
  }

  /** One has come in, from the IP address `address`. */
  welcome(broker: Broker, stream: Duplex, address: string): void {
    const { authorizer, weather, onPacket } = this.#options;
    if (!this.#hasRoomFor(stream)) return;
    const slowed = weather.slowed(stream);
    this.#unread.hold(slowed);
    const client = broker.take(slowed, (packet) => {
      checkPacket(packet);
      weather.bend(packet);
    });
    authorizer.welcome(client, address);
    const frames = new Frames(({ type, length }) => {
      if (type === DISCONNECT) authorizer.session(client).graceful = true;
      if (length > LONGEST_PACKET)
        slowed.destroy(Refused.because("PACKET_TOO_LONG", { length, limit: LONGEST_PACKET }));
    });
    // After the broker has taken the stream, so that listening here does not set it flowing.
    slowed.on("data", (chunk: Buffer) => frames.read(chunk));
    if (onPacket) tap(slowed, onPacket);
  }

  /** A connection too many ends at once. */
  #hasRoomFor(stream: Duplex): boolean {
    const { bounds, refuse } = this.#options;
    if (this.#connections >= bounds.clients) {
      refuse({ what: "connect" }, Refused.because("CLIENTS_FULL", { limit: bounds.clients }));
      stream.destroy();
      return false;
    }
    this.#connections += 1;
    stream.once("close", () => {
      this.#connections -= 1;
    });
    return true;
  }

  /** Cuts off those whose user is gone. */
  recheck(): void {
    for (const client of this.#clients.values()) this.#options.authorizer.recheck(client);
  }

  /** Cuts a client's connection without a word. False if there is no such client. */
  kick(clientId: string): boolean {
    const client = this.#clients.get(clientId);
    client?.conn.destroy();
    return client !== undefined;
  }

  /** Its session is not to end on the way in. If it does not come in after all, it is away still. */
  arriving(client: Client, packet: ConnectPacket): void {
    const { authorizer } = this.#options;
    const { clientId, clean } = packet;
    const owner = this.#owners.get(clientId);
    if (owner) authorizer.claim(client, packet, owner);
    const session = authorizer.session(client);
    if (clean || session.refused || !owner || !this.#away.delete(clientId)) return;
    client.conn.once("close", () => {
      if (!session.connected) this.#away.set(clientId, true);
    });
  }

  connected(client: Client): void {
    const { authorizer, emitter } = this.#options;
    const session = authorizer.session(client);
    session.connected = true;
    this.#clients.set(client.id, client);
    this.#away.delete(client.id);
    if (client.clean || !session.who) this.#owners.delete(client.id);
    else this.#owners.set(client.id, session.who);
    emitter.emit("connected", authorizer.describe(client));
  }

  disconnected(client: Client): void {
    if (this.#clients.get(client.id) !== client) return;
    const { authorizer, emitter, filters } = this.#options;
    this.#clients.delete(client.id);
    const { graceful, endedBy } = authorizer.session(client);
    if (client.clean) filters.end(client.id);
    else this.#away.set(client.id, true);
    emitter.emit("disconnected", { ...authorizer.name(client), graceful, reason: endedBy });
  }

  subscribed(client: Client, granted: readonly Subscription[]): void {
    const { authorizer, emitter } = this.#options;
    const subscriptions = granted.map(({ topic, qos }) => ({ filter: topic, qos }));
    emitter.emit("subscribed", { ...authorizer.name(client), subscriptions });
  }

  unsubscribed(client: Client, filters: readonly string[]): void {
    const { authorizer, emitter, filters: all } = this.#options;
    const { subscriptions } = authorizer.session(client);
    for (const filter of filters) {
      subscriptions.delete(filter);
      all.delete(client.id, filter);
    }
    emitter.emit("unsubscribed", { ...authorizer.name(client), filters });
  }

  #endSession(clientId: string): void {
    const { bounds, persistence, emitter, refuse } = this.#options;
    const { sessions: limit } = bounds;
    this.#owners.delete(clientId);
    refuse({ what: "memory", clientId }, Refused.because("SESSIONS_FULL", { limit }));
    persistence.endSession(clientId).catch((error: Error) => emitter.emit("error", error));
  }
}
