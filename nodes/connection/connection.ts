// One connection to Medium One: a state machine around mqtt.js that keeps itself alive, sends what
// the outbox holds and hands what arrives to its subscribers.
import { EventEmitter } from "node:events";
import {
  connect,
  type ErrorWithReasonCode,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
  Store,
} from "mqtt";
import type { Delivery, OutgoingEvent } from "../outbox/event";
import type { Outbox } from "../outbox/outbox";
import { excerpt, M1Error } from "../protocol/errors";
import { type Subscriber, Subscriptions } from "../subscriptions/subscriptions";
import { Backoff } from "./backoff";
import { BrokerLimits } from "./broker-limits";
import { DisconnectDiagnosis, type Verdict } from "./disconnect-diagnosis";
import { EmptyStore } from "./empty-store";
import {
  connectionFailure,
  disconnectFailure,
  needsAPerson,
  passingRefusal,
  refusedEvent,
} from "./failure";
import {
  acceptAcknowledgementsAsPings,
  type ConnectionSettings,
  clientOptions,
  closeClient,
  followServerKeepAlive,
  subscriptionWire,
} from "./mqtt-client";
import { PacketIdentifiers } from "./packet-identifiers";
import { isAccepted, PublishRefusals } from "./publish-refusals";
import { QoS2Handshakes } from "./qos-2";
import { TIMING, type Timing } from "./timing";
import { coalesceWrites } from "./write-coalescing";

/** `offline` is every moment between two attempts; its reason is why the last one ended. */
export type ConnectionState =
  | { readonly name: "idle" }
  | { readonly name: "connecting"; readonly lastFailure: M1Error | undefined }
  /** With a refusal, events wait or go slowly because of it; `reasonCode` is the broker's. */
  | { readonly name: "online"; readonly refusal?: M1Error; readonly reasonCode?: number }
  | { readonly name: "offline"; readonly reason: M1Error; readonly retryIn: number }
  | { readonly name: "closing" }
  | { readonly name: "closed" };

export interface ConnectionOptions {
  readonly timing?: Timing;
  /** Of a predecessor, if it was the same session. */
  readonly session?: SessionState | undefined;
}

/** What belongs to a session at the broker and outlives connections. */
export interface SessionState {
  /** QoS 2 messages that have come and are not released yet: the release may come over any connection. */
  readonly unreleased: Store;
  /** Of the latest connection. */
  identifiers: PacketIdentifiers;
}

export type ReceivedPacket = Pick<IPublishPacket, "topic" | "payload" | "qos" | "retain">;

export interface ConnectionEvents {
  state: [ConnectionState];
  /** It has been online for long enough that a later loss is a new one. */
  stable: [];
  /** The number of events in the outbox may have changed. */
  outbox: [];
  /** Something arrived on a topic that nobody can be meant by. */
  unexpectedTopic: [M1Error, ReceivedPacket];
}

/** The options of a publication, by its QoS; those of QoS 2 have their handshakes. */
const PUBLISH = [{ qos: 0 }, { qos: 1 }] as const;
/** So many connections that end without an answer to releases: the broker does not know them. */
const UNANSWERED_RELEASES = 3;

export class Connection extends EventEmitter<ConnectionEvents> {
  readonly settings: ConnectionSettings;
  readonly outbox: Outbox;
  readonly #timing: Timing;
  readonly #backoff: Backoff;
  readonly #hangUps: DisconnectDiagnosis;
  readonly #refusals: PublishRefusals;
  readonly #senders = new Set<object>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #subscriptions: Subscriptions;
  /** For all clients, and for the next connection of the same session. */
  readonly session: SessionState;
  #state: ConnectionState = { name: "idle" };
  #client: MqttClient | undefined;
  #sendNow: () => void = () => undefined;
  /** The first thing that went wrong with the present client; what follows are consequences. */
  #failure: M1Error | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #stableTimer: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;
  #final = false;
  #inFlight = 0;
  /** Since the first event at QoS 2 of the present client. */
  #handshakes: QoS2Handshakes | undefined;
  /** Connections in a row that have ended without an answer to releases. */
  #unansweredReleases = 0;
  #limits = new BrokerLimits();
  #pumping = false;
  /** The socket is full, and says when it is not. */
  #clogged = false;
  #acknowledgeTimer: NodeJS.Timeout | undefined;
  /** The broker refuses what it may take later: until then nothing is sent. */
  #paused = false;
  /** To the end of the pause, and then to that of the episode. */
  #pauseTimer: NodeJS.Timeout | undefined;
  /** Set while a deploy exchanges subscribers; then it holds what arrived meanwhile, if anything. */
  #deploy: { timer: NodeJS.Timeout; resume?: () => void } | undefined;

  constructor(
    settings: ConnectionSettings,
    outbox: Outbox,
    { timing = TIMING, session = newSession() }: ConnectionOptions = {},
  ) {
    super();
    this.session = session;
    this.settings = settings;
    this.outbox = outbox;
    this.#timing = timing;
    outbox.onReady = () => this.#pump();
    outbox.onLost = () => this.emit("outbox");
    this.#backoff = new Backoff(timing);
    this.#hangUps = new DisconnectDiagnosis(timing);
    this.#refusals = new PublishRefusals(timing);
    this.#subscriptions = new Subscriptions(settings.identity);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  // --- who uses it ----------------------------------------------------------------------------

  addSender(sender: object): void {
    this.#senders.add(sender);
  }

  removeSender(sender: object): void {
    this.#senders.delete(sender);
  }

  addSubscriber(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    this.#subscriptions.add(subscriber);
  }

  /** From here to `settle` incoming messages wait unacknowledged: its successor may want them. */
  removeSubscriber(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.#subscriptions.remove(subscriber);
    // A config node may be closed before its users: then there is nothing to hold, or to wait for.
    if (this.#final) return;
    this.#deploy ??= { timer: setTimeout(() => this.endDeploy(), this.#timing.deploy) };
  }

  /** All have come or gone that will: connects if anyone is left, and sends what has changed. */
  endDeploy(): void {
    const used = this.#senders.size + this.#subscribers.size > 0;
    // Closed first, or what waited would be acknowledged with nobody left to have it.
    if (!used) void this.#disconnect("idle");
    this.#release();
    if (!used) return;
    const { name } = this.#state;
    if (name === "idle") this.#connect();
    else if (name === "online") this.#synchronise();
  }

  /**
   * Takes an event; it is sent as soon as may be, after all that were taken before. Throws OUTBOX_FULL,
   * or ends it with that once the disk has been counted.
   */
  send(event: OutgoingEvent): void {
    this.outbox.add(event);
    this.emit("outbox");
  }

  /** Ends for good, within `timing.close`. What is unacknowledged stays in the outbox. */
  close(): Promise<void> {
    return this.#disconnect("closed");
  }

  // --- state ----------------------------------------------------------------------------------

  #enter(state: ConnectionState): void {
    this.#state = state;
    this.emit("state", state);
  }

  #connect(): void {
    const lastFailure = this.#state.name === "offline" ? this.#state.reason : undefined;
    this.#failure = undefined;
    this.#enter({ name: "connecting", lastFailure });
    this.session.identifiers = new PacketIdentifiers(this.session.identifiers);
    let client: MqttClient;
    try {
      client = connect({
        ...clientOptions(this.settings, this.#timing),
        messageIdProvider: this.session.identifiers,
        incomingStore: this.session.unreleased,
        outgoingStore: new EmptyStore(),
      });
    } catch (error) {
      // mqtt.js and tls throw on unusable keys and certificates.
      this.#goOffline(connectionFailure(error, this.settings));
      return;
    }
    this.#client = client;
    this.#sendNow = coalesceWrites(client.stream);
    acceptAcknowledgementsAsPings(client);
    followServerKeepAlive(client);
    client.handleMessage = (packet, done) => this.#receive(client, packet, done);
    client.on("connect", (connack) => this.#goOnline(client, connack));
    client.stream.on("drain", () => {
      this.#clogged = false;
      this.#pump();
    });
    client.on("disconnect", ({ reasonCode = 0 }) => {
      this.#abandon(client, disconnectFailure(reasonCode));
    });
    const failed = (error: unknown) => {
      this.#abandon(client, connectionFailure(error, this.settings));
    };
    client.on("error", failed);
    // mqtt.js keeps to itself what has no code, such as a web server's refusal.
    client.stream.on("error", failed);
    client.on("close", () => {
      if (client === this.#client && this.#state.name !== "closing") {
        this.#goOffline(this.#failure ?? new M1Error("CONNECTION_CLOSED"));
      }
    });
  }

  #goOnline(client: MqttClient, connack: IConnackPacket): void {
    if (client !== this.#client || this.#state.name !== "connecting") return;
    this.#limits = new BrokerLimits(connack.properties);
    this.#stableTimer = setTimeout(() => this.#becomeStable(), this.#timing.stable);
    this.#subscriptions.connected(connack.sessionPresent);
    this.#enter({ name: "online" });
    this.#synchronise();
    this.#pump();
  }

  /** Not every error of mqtt.js ends the connection; after any of them it is of no use. */
  #abandon(client: MqttClient, failure: M1Error): void {
    client.stream.destroy();
    if (client !== this.#client) return;
    this.#failure ??= failure;
    // Not when it is closed: a WebSocket may take half a minute for that.
    if (this.#state.name !== "closing") this.#goOffline(this.#failure);
  }

  #becomeStable(): void {
    this.#backoff.reset();
    this.#hangUps.forgetTakeovers();
    this.emit("stable");
  }

  #goOffline(failure: M1Error): void {
    const verdict = this.#verdict(failure);
    const { clientId } = this.settings;
    const clashes = verdict.cause === "clash";
    const reason = clashes ? new M1Error("CLIENT_ID_CLASH", { clientId }) : failure;
    if (verdict.cause === "event") {
      const { delivery, times } = verdict;
      this.outbox.quarantine(delivery, new M1Error("EVENT_HANGS_UP", { times }));
    }
    this.#forgetClient();
    const pause = this.#backoff.next(needsAPerson(failure));
    // Not at once: the other client must be taken over a third time to name the clash as well.
    const retryIn = clashes && verdict.known ? this.#timing.longestRetry : pause;
    this.#retryTimer = setTimeout(() => this.#connect(), retryIn);
    this.#enter({ name: "offline", reason, retryIn });
  }

  #verdict(failure: M1Error): Verdict {
    // A broker that refuses events for now has a reason of its own to hang up.
    if (this.#handshakes?.isReleaseUnanswered && failure.code !== "TAKEN_OVER") {
      // Perhaps it does not know QoS 2, which is no event's fault. A dead link says nothing about that.
      if (isHangUp(failure)) this.#unansweredReleases += 1;
      return { cause: "chance" };
    }
    if (this.#state.name === "online" && isHangUp(failure) && !this.#paused) {
      // A broker that says so is believed: then no event is to blame.
      const inDoubt = failure.code === "TAKEN_OVER" ? undefined : this.outbox.unacknowledged;
      return this.#hangUps.disconnected(inDoubt);
    }
    this.#hangUps.forgetTakeovers();
    // On a slow link the first acknowledgement may be late because so much is on its way.
    if (failure.code === "KEEPALIVE_LOST") this.#hangUps.sendOneByOne();
    return { cause: "chance" };
  }

  /** Ends in `idle`, from where `settle` connects again, or in `closed`, which is final. */
  #disconnect(last: "idle" | "closed"): Promise<void> {
    const { name } = this.#state;
    if (name === "closed" || name === last) return Promise.resolve();
    if (last === "closed") this.#final = true;
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const client = this.#client;
    const graceful = this.#state.name === "online";
    this.#enter({ name: "closing" });
    this.#release();
    clearTimeout(this.#retryTimer);
    this.#endPause();
    if (client) await closeClient(client, graceful, this.#timing.close);
    this.#forgetClient();
    this.#ending = undefined;
    this.#enter({ name: this.#final ? "closed" : "idle" });
    if (!this.#final) this.endDeploy();
  }

  #forgetClient(): void {
    clearTimeout(this.#stableTimer);
    this.#awaitAcknowledgement(undefined);
    this.#client = undefined;
    this.#inFlight = 0;
    if (this.#handshakes?.isAnswered) this.#unansweredReleases = 0;
    this.#handshakes = undefined;
    this.#clogged = false;
    this.#endPause();
    this.outbox.rewind();
  }

  // --- out ------------------------------------------------------------------------------------

  #pump(): void {
    const client = this.#client;
    // At QoS 0 `publish` may call back at once: without the flag, once per waiting event and deeper.
    if (this.#pumping || this.#paused || !client || this.#state.name !== "online") return;
    this.#pumping = true;
    const { size } = this.outbox;
    const window = Math.min(this.#hangUps.window, this.#limits.inFlight);
    while (!this.#clogged && this.#inFlight < window) {
      const delivery = this.outbox.next();
      if (!delivery) break;
      if (!this.#mayFollow(delivery)) {
        this.outbox.putBack();
        break;
      }
      this.#publish(client, delivery);
    }
    this.#pumping = false;
    // Expired events leave without having been sent.
    if (this.outbox.size !== size) this.emit("outbox");
    if (this.#inFlight > 0 && !this.#acknowledgeTimer) this.#awaitAcknowledgement(client);
  }

  #publish(client: MqttClient, delivery: Delivery): void {
    const excess = this.#limits.excess(delivery);
    if (excess) {
      this.outbox.quarantine(delivery, excess);
      return;
    }
    const { topic, payload } = delivery;
    const qos = this.#limits.bestQoS(delivery);
    const published = (error: unknown) => this.#published(client, delivery, error);
    this.#inFlight += 1;
    this.#hangUps.sent(delivery);
    if (qos === 2) this.#handshakesOf(client).publish(delivery, published);
    else client.publish(topic, payload, PUBLISH[qos], published);
    // For each event that meets a full socket at QoS 0, mqtt.js adds a listener to it.
    if (qos === 0) this.#clogged = client.stream.writableNeedDrain;
  }

  /** At QoS 2 only so many are on the wire. */
  #mayFollow(delivery: Delivery): boolean {
    if (this.#limits.bestQoS(delivery) < 2) return true;
    return (this.#handshakes?.size ?? 0) < this.#limits.inFlightQoS2;
  }

  #handshakesOf(client: MqttClient): QoS2Handshakes {
    this.#handshakes ??= new QoS2Handshakes(client, this.session.identifiers, {
      // Whether CONNACK says that the session is present or not: aedes forgets the one without the other.
      afterOthers: !this.settings.cleanSession && this.#unansweredReleases < UNANSWERED_RELEASES,
      advanced: () => this.#acknowledgeTimer?.refresh(),
    });
    return this.#handshakes;
  }

  /** A half-open link takes what is written to it and says nothing; keep-alive may notice much later. */
  #awaitAcknowledgement(client: MqttClient | undefined): void {
    clearTimeout(this.#acknowledgeTimer);
    this.#acknowledgeTimer = undefined;
    if (!client) return;
    const late = () => this.#abandon(client, new M1Error("KEEPALIVE_LOST"));
    this.#acknowledgeTimer = setTimeout(late, this.#timing.acknowledge);
  }

  #published(client: MqttClient, delivery: Delivery, error: unknown): void {
    if (client !== this.#client) return;
    this.#inFlight -= 1;
    // Without a reason code it is not the broker's answer but the end of the connection, and the
    // outbox still has the event.
    if (error && typeof (error as { code?: unknown }).code !== "number") return;
    if (this.#inFlight === 0) this.#awaitAcknowledgement(undefined);
    // They come in order (MQTT-4.6.0-2): of an event that is passed over, none will. In a pause, what is
    // refused stays the oldest, and no more is sent.
    else if (this.#paused || this.outbox.isOldest(delivery)) this.#acknowledgeTimer?.refresh();
    this.#hangUps.answered(delivery);
    const refusal = error as ErrorWithReasonCode | undefined;
    if (refusal && !isAccepted(refusal.code)) {
      this.#refused(delivery, refusal);
    } else {
      this.#refusals.accepted();
      this.outbox.acknowledge(delivery);
    }
    if (this.#paused && this.#inFlight === 0) this.#pause();
    this.emit("outbox");
    this.#pump();
  }

  #refused(delivery: Delivery, error: ErrorWithReasonCode): void {
    if (this.#refusals.isFinal(delivery, error.code)) {
      this.outbox.quarantine(delivery, refusedEvent(error));
      return;
    }
    const { state } = this;
    // While it closes, the event only stays in the outbox.
    if (state.name !== "online") return;
    this.#paused = true;
    clearTimeout(this.#pauseTimer);
    if (state.reasonCode === error.code) return;
    const refusal = passingRefusal(error.code);
    this.#enter({ name: "online", refusal, reasonCode: error.code });
  }

  /** All that was on the wire is answered; what was refused goes again, in its old order. */
  #pause(): void {
    this.outbox.rewind();
    this.#hangUps.sendOneByOne();
    const resume = () => {
      this.#endPause();
      this.#pauseTimer = setTimeout(() => this.#enter({ name: "online" }), this.#timing.calm);
      this.#pump();
    };
    this.#pauseTimer = setTimeout(resume, this.#refusals.nextPause());
  }

  #endPause(): void {
    this.#paused = false;
    clearTimeout(this.#pauseTimer);
  }

  // --- in -------------------------------------------------------------------------------------

  /** mqtt.js acknowledges a message, and reads the next packet, when `done` is called. */
  #receive(client: MqttClient, packet: IPublishPacket, done: (error?: Error) => void): void {
    // What was held when its connection went down comes again over the next.
    if (client !== this.#client) return;
    if (this.#deploy) {
      this.#deploy.resume = () => this.#receive(client, packet, done);
      return;
    }
    if (this.#state.name === "closing") {
      // An error keeps it unacknowledged: the broker sends it again in the next session.
      done(new Error("closing"));
      return;
    }
    this.#deliver(packet);
    done();
  }

  #deliver(packet: IPublishPacket): void {
    const { topic, qos, retain } = packet;
    const payload =
      typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    const fate = this.#subscriptions.deliver({ topic, payload, qos, retain });
    if (fate === "stale") this.#synchronise();
    if (fate !== "foreign") return;
    this.emit(
      "unexpectedTopic",
      new M1Error("ADDRESS_UNKNOWN", { topic: excerpt(topic, 120) }),
      packet,
    );
  }

  #release(): void {
    const deploy = this.#deploy;
    this.#deploy = undefined;
    clearTimeout(deploy?.timer);
    deploy?.resume?.();
  }

  #synchronise(): void {
    const client = this.#client;
    // In the middle of a deploy it would give up what the successors want; `settle` comes yet.
    if (!client || this.#deploy) return;
    this.#subscriptions
      .synchronise(subscriptionWire(client, this.#sendNow, this.#timing))
      .catch((error: unknown) => {
        // The connection went down meanwhile, or an answer made no sense: either way a new one is due.
        // While it closes, mqtt.js refuses what is left of the run; the goodbye is still wanted.
        if (this.#state.name === "online")
          this.#abandon(client, connectionFailure(error, this.settings));
      });
  }
}

function newSession(): SessionState {
  return { unreleased: new Store({ clean: false }), identifiers: new PacketIdentifiers() };
}

/** The broker closed the connection, for whatever reason. */
function isHangUp({ code }: M1Error): boolean {
  return code === "CONNECTION_CLOSED" || code === "CONNECTION_LOST" || code === "TAKEN_OVER";
}
