// What each connection is let do, and what is known of it while it lasts.
import type { AedesPublishPacket, Client, ConnectPacket, PublishPacket, Subscription } from "aedes";
import { username } from "../../nodes/protocol/credentials";
import type { QoS } from "../../nodes/protocol/settings";
import { type Identity, isSameUser, maySubscribe } from "../../nodes/protocol/topics";
import { MOST_EARLY } from "../bounds";
import type { Account } from "../cloud/accounts";
import type { ConnectedClient, RefusedPlace } from "../cloud/activity";
import {
  type AuthorizedEvent,
  authorizeConnect,
  authorizePublish,
  authorizeSubscribe,
} from "../cloud/authorization";
import { Refused } from "../cloud/refusal";
import type { Arrival } from "../cloud/stored-event";
import { grantedQos, lesser } from "./granted-qos";
import { NO_SUBSCRIPTION } from "./persistence";
import type { SessionFilters } from "./session-filters";
import type { Weather } from "./weather";

/** What is known of one network connection. */
interface Session {
  readonly address: string;
  /** As the CONNECT has it: a client has its own only once the broker looks at that. */
  clientId: string;
  who: Identity | undefined;
  will: ConnectPacket["will"];
  readonly subscriptions: Map<string, QoS>;
  sessionPresent: boolean;
  connected: boolean;
  graceful: boolean;
  /** Once set, nothing else that the connection brings is looked at. */
  refused: Refused | undefined;
  endedBy: string | undefined;
}

/** CONNACK for a client ID that is not to be had (MQTT 3.1.1, table 3.1). */
const IDENTIFIER_REJECTED = 2;
/** CONNACK of a server that is there but does not serve (MQTT 3.1.1, table 3.1). */
const UNAVAILABLE = 3;
/** CONNACK for a will that the user may not publish (MQTT 3.1.1, table 3.1). */
export const NOT_AUTHORIZED = 5;

/** Errors of aedes that tell how a connection ended, not that a packet was wrong. */
const ENDINGS: ReadonlySet<string> = new Set([
  "keep alive timeout",
  "connection closed",
  "connect did not arrive in time",
]);

/** That of aedes for more packets before the CONNACK than it keeps. */
const TOO_EARLY = "Client queue limit reached";

export interface AuthorizerOptions {
  /** Who may log in, at the moment. */
  readonly accounts: () => readonly Account[];
  readonly report: (place: RefusedPlace, refused: Refused) => void;
  readonly weather: Weather;
  readonly filters: SessionFilters;
}

export class Authorizer {
  readonly #accounts: AuthorizerOptions["accounts"];
  readonly #report: AuthorizerOptions["report"];
  readonly #weather: Weather;
  readonly #filters: SessionFilters;
  readonly #sessions = new WeakMap<Client, Session>();
  /** Events between being let in and being routed, by their packet; a QoS 2 duplicate stays here. */
  readonly #authorized = new WeakMap<object, AuthorizedEvent>();

  constructor({ accounts, report, weather, filters }: AuthorizerOptions) {
    this.#accounts = accounts;
    this.#report = report;
    this.#weather = weather;
    this.#filters = filters;
  }

  welcome(client: Client, address: string): void {
    this.#sessions.set(client, {
      address,
      clientId: "",
      who: undefined,
      will: undefined,
      subscriptions: new Map(),
      sessionPresent: false,
      connected: false,
      graceful: false,
      refused: undefined,
      endedBy: undefined,
    });
  }

  /** Throws ReferenceError for a client that was never welcomed. */
  session(client: Client): Session {
    const session = this.#sessions.get(client);
    if (!session) throw new ReferenceError(`Client ${client.id} did not come in by the door`);
    return session;
  }

  /** False for a client that was turned away, or is none. */
  isLetIn(client: object): boolean {
    return this.#sessions.get(client as Client)?.who !== undefined;
  }

  name(client: Client): { clientId: string; username: string } {
    const { clientId, who } = this.session(client);
    const given = client.id as string | null;
    return { clientId: given ?? clientId, username: who ? username(who) : "" };
  }

  describe(client: Client): ConnectedClient {
    const { sessionPresent, subscriptions } = this.session(client);
    return {
      ...this.name(client),
      clean: client.clean,
      sessionPresent,
      subscriptions: [...subscriptions].map(([filter, qos]) => ({ filter, qos })),
    };
  }

  /** What is wrong with a CONNECT stays in the session as `refused`. */
  connect(client: Client, packet: ConnectPacket): void {
    const session = this.session(client);
    session.clientId = packet.clientId;
    try {
      if (this.#weather.refuses()) throw Refused.because("WEATHER").answeredWith(UNAVAILABLE);
      const { protocolVersion } = packet;
      if (this.#weather.hangsUpOn(protocolVersion))
        throw Refused.because("PROTOCOL_VERSION", { level: protocolVersion ?? 4 });
      session.who = authorizeConnect(packet, this.#accounts());
      session.will = packet.will;
    } catch (error) {
      this.#turnAway(session, packet, Refused.from(error));
    }
  }

  /**
   * `owner` has a session under the client ID. It is not to be had by another user, who would take
   * the messages away that wait in it, unless the owner is gone.
   */
  claim(client: Client, packet: ConnectPacket, owner: Identity): void {
    const session = this.session(client);
    if (!session.who || isSameUser(session.who, owner) || !this.#isKnown(owner)) return;
    const taken = Refused.because("CLIENT_ID_TAKEN").answeredWith(IDENTIFIER_REJECTED);
    session.who = undefined;
    this.#turnAway(session, packet, taken);
  }

  #turnAway(session: Session, packet: ConnectPacket, refused: Refused): void {
    session.refused = refused;
    const place = connectPlace(packet, refused, this.#accounts());
    this.#report({ what: "connect", ...place }, refused);
  }

  /** Cuts a client off whose user is gone. */
  recheck(client: Client): void {
    const session = this.session(client);
    if (!session.who || this.#isKnown(session.who)) return;
    session.endedBy = "its user is gone";
    client.conn.destroy();
  }

  #isKnown(who: Identity): boolean {
    return this.#accounts().some((account) => isSameUser(account, who));
  }

  /** An error drops the connection: MQTT 3.1.1 has no other way to refuse (MQTT-3.3.5-2). */
  publish(client: Client | null, packet: PublishPacket): Error | null {
    // A will left over from before a restart has no client; its event was checked at CONNECT.
    if (!client) return null;
    const session = this.session(client);
    // A will is due however the connection ended, short of DISCONNECT (MQTT-3.1.2-8).
    if (session.refused && packet !== session.will) return session.refused;
    if (!session.who) return new ReferenceError(`Client ${client.id} never proved who it is`);
    if (this.#weather.drops()) {
      session.endedBy = "cut by the weather";
      return new Error(session.endedBy);
    }
    try {
      const event = authorizePublish(packet, session.who);
      this.#authorized.set(packet, { ...event, deviceId: this.#weather.deviceOf(packet.topic) });
      return null;
    } catch (error) {
      session.refused = Refused.from(error);
      const { topic } = packet;
      this.#report({ what: "publish", ...this.name(client), topic }, session.refused);
      return session.refused;
    }
  }

  /** The event that a packet brought; undefined for what the cloud itself published. */
  arrived(
    packet: AedesPublishPacket,
    client: Client | null,
  ): { readonly event: AuthorizedEvent; readonly arrival: Arrival } | undefined {
    const event = this.#authorized.get(packet);
    if (!event || !client) return undefined;
    const { who, address } = this.session(client);
    if (!who) return undefined;
    const { qos, dup } = packet;
    return { event, arrival: { who, clientId: client.id, address, qos, dup } };
  }

  /**
   * null is answered with 0x80 (MQTT-3.9.3-2). Asked for each filter of a restored session too,
   * before its client is connected. aedes brings a message by the first filter that matches, so each
   * brings it at any QoS; `forward` knows them all (MQTT-3.3.5-1).
   */
  subscribe(client: Client, subscription: Subscription): Subscription | null {
    const session = this.session(client);
    if (client.closed || !session.who || session.refused) return null;
    if (!session.connected) session.sessionPresent = true;
    if (subscription === NO_SUBSCRIPTION) return null;
    const { topic: filter, qos } = subscription;
    try {
      authorizeSubscribe(filter, this.#weather.routedFor(session.who));
      this.#filters.add(client.id, filter);
    } catch (error) {
      const refused = Refused.from(error);
      this.#report({ what: "subscribe", ...this.name(client), filter }, refused);
      return null;
    }
    session.subscriptions.set(filter, qos);
    return { ...subscription, qos: 2 };
  }

  /**
   * What aedes leaves open: a session may have queued what its present user may not read (that of
   * a user who is gone), and no message is to exceed the QoS that was granted (MQTT-3.8.4-6).
   */
  forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const { who, subscriptions } = this.session(client);
    if (!who || !maySubscribe(this.#weather.routedFor(who), packet.topic)) return null;
    // What is repeated goes as it went before: it waits for its acknowledgement.
    if (!packet.dup) packet.qos = lesser(packet.qos, grantedQos(subscriptions, packet.topic));
    return packet;
  }

  /** The connection failed: because of what was or is refused, of a packet that is none, or by itself. */
  broke(client: Client, error: Error): void {
    const session = this.session(client);
    if (session.endedBy !== undefined) return;
    session.endedBy = error.message;
    const refused = refusalOf(error);
    if (session.refused || !refused) return;
    session.refused = refused;
    const who = session.who ? this.name(client) : {};
    this.#report({ what: "protocol", ...who }, session.refused);
  }
}

/** Undefined for a connection that broke by itself. */
function refusalOf(error: Error): Refused | undefined {
  if (error instanceof Refused) return error;
  const { code, message: reason } = error as NodeJS.ErrnoException;
  if (code?.startsWith("WS_ERR_")) return Refused.because("WEBSOCKET", { reason });
  if (code !== undefined || ENDINGS.has(reason)) return undefined;
  if (reason === TOO_EARLY) return Refused.because("EARLY_FULL", { limit: MOST_EARLY });
  return Refused.because("PACKET", { reason });
}

function connectPlace(
  { clientId, username: name, will }: ConnectPacket,
  { returnCode }: Refused,
  accounts: readonly Account[],
): Omit<RefusedPlace, "what"> {
  // What is no user's name may be a secret in the wrong place, and the client ID the same.
  const user = accounts.map(username).find((known) => known === name);
  const isTold = user !== undefined || clientId !== name;
  return {
    ...(isTold && { clientId }),
    ...(user !== undefined && { username: user }),
    ...(returnCode !== undefined && { returnCode }),
    ...(returnCode === NOT_AUTHORIZED && will && { topic: will.topic }),
  };
}
