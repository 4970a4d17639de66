// One connection to Medium One: the states that it goes through, from the first node that uses it to the
// last. What is sent and received meanwhile is the matter of its sender and its receiver.
import { EventEmitter } from "node:events";
import type { IConnackPacket, MqttClient } from "mqtt";
import type { OutgoingEvent } from "../outbox/event";
import type { Outbox } from "../outbox/outbox";
import type { BrokerUrl } from "../protocol/broker-url";
import { M1Error } from "../protocol/errors";
import { type Subscriber, Subscriptions } from "../subscriptions/subscriptions";
import { Backoff } from "./backoff";
import { BrokerAddresses } from "./broker-addresses";
import type { ConnectionState, QueueState } from "./connection-state";
import type { Diagnosis } from "./disconnect-diagnosis";
import {
  clientFailure,
  connectionFailure,
  disconnectFailure,
  type FailureContext,
  failureBeforeConnack,
} from "./failure";
import { type ConnectionSettings, closeClient, openClient } from "./mqtt-client";
import { type ReceivedPacket, Receiver } from "./receiver";
import { Sender } from "./sender";
import { newSession, type Session } from "./session";
import { Subscribing } from "./subscribing";
import { TIMING, type Timing } from "./timing";

export interface ConnectionOptions {
  readonly timing?: Timing;
  /** Of a predecessor, if it was the same session. */
  readonly session?: Session | undefined;
}

export interface ConnectionEvents {
  state: [ConnectionState];
  /** An address has failed, and the next one is tried at once. */
  nextAddress: [
    { readonly failure: M1Error; readonly failed: BrokerUrl; readonly next: BrokerUrl },
  ];
  /** It has been online for long enough that a later loss is a new one. */
  stable: [];
  /** The number of events in the outbox may have changed. */
  outbox: [];
  /** Something arrived on a topic that nobody can be meant by. */
  unexpectedTopic: [M1Error, ReceivedPacket];
  /** Events go otherwise than their nodes ask for; told once until the next deploy. */
  warning: [M1Error];
}

export class Connection extends EventEmitter<ConnectionEvents> {
  readonly settings: ConnectionSettings;
  readonly outbox: Outbox;
  /** For all clients, and for the next connection of the same session. */
  readonly session: Session;
  readonly #timing: Timing;
  readonly #backoff: Backoff;
  readonly #addresses: BrokerAddresses;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #subscriptions: Subscriptions;
  readonly #subscribing: Subscribing;
  /** Who sends and who receives: it is connected while there is anyone. */
  readonly #users = new Set<object>();
  #state: ConnectionState = { name: "idle" };
  #client: MqttClient | undefined;
  /** How the answer to the present client began. */
  #firstBytes: () => Uint8Array | undefined = () => undefined;
  /** The first thing that went wrong with the present client; what follows are consequences. */
  #failure: M1Error | undefined;
  /** Offline, to the next attempt; online, to the moment when the connection counts as stable. */
  #timer: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;
  #isFinal = false;

  constructor(
    settings: ConnectionSettings,
    outbox: Outbox,
    { timing = TIMING, session = newSession() }: ConnectionOptions = {},
  ) {
    super();
    this.settings = settings;
    this.outbox = outbox;
    this.session = session;
    this.#timing = timing;
    this.#backoff = new Backoff(timing);
    this.#addresses = new BrokerAddresses(settings.brokers);
    this.#subscriptions = new Subscriptions(settings.identity);
    this.#subscribing = new Subscribing(this.#subscriptions, timing, () => this.#synchronise());
    this.#sender = this.#newSender();
    this.#receiver = this.#newReceiver();
    outbox.onReady = () => this.#sender.sendWaiting();
    outbox.onLost = () => this.emit("outbox");
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What waits to be sent. */
  get queue(): QueueState {
    const { size, oldest, quarantined, isFull } = this.outbox;
    const { inFlight } = this.#sender;
    return { size, inFlight, oldest, quarantined, isFull, sendRate: this.settings.sendRate };
  }

  /** The address that is in use, or is called next. */
  get broker(): BrokerUrl {
    return this.#addresses.current;
  }

  // --- who uses it ----------------------------------------------------------------------------

  addSender(sender: object): void {
    this.#users.add(sender);
  }

  removeSender(sender: object): void {
    this.#users.delete(sender);
  }

  addSubscriber(subscriber: Subscriber): void {
    this.#users.add(subscriber);
    this.#subscriptions.add(subscriber);
  }

  /** To be called when its request is another one. */
  changeSubscriber(subscriber: Subscriber): void {
    this.#subscriptions.change(subscriber);
    if (this.#state.name === "online") void this.#synchronise();
  }

  /** From here to `endDeploy` incoming messages wait unacknowledged: its successor may want them. */
  removeSubscriber(subscriber: Subscriber): void {
    if (!this.#users.delete(subscriber)) return;
    this.#subscriptions.remove(subscriber);
    // A config node may be closed before its users: then there is nothing to hold, or to wait for.
    if (!this.#isFinal) this.#receiver.hold(this.#timing.deploy, () => this.endDeploy());
  }

  /** All have come or gone that will: connects if anyone is left, and sends what has changed. */
  endDeploy(): void {
    const isUsed = this.#users.size > 0;
    // Closed first, or what was held would be acknowledged with nobody left to have it.
    if (!isUsed) void this.#disconnect("idle");
    this.#receiver.release();
    if (!isUsed) return;
    const { name } = this.#state;
    if (name === "idle") this.#connect();
    else if (name === "online") void this.#synchronise();
  }

  /**
   * Takes an event; it is sent as soon as may be, after all that were taken before. Throws OUTBOX_FULL,
   * or ends it with that once the disk has been counted.
   */
  send(event: OutgoingEvent): void {
    this.outbox.add(event);
    this.emit("outbox");
  }

  /**
   * Takes an event that was in quarantine, as if it had just come. Resolves when it is in the outbox; rejects with the
   * M1Error that says why not.
   */
  sendAgain(event: Pick<OutgoingEvent, "topic" | "payload" | "qos">): Promise<void> {
    this.#sender.trust(event.topic);
    return new Promise((resolve, reject) => {
      const done = (error?: M1Error) => (error ? reject(error) : resolve());
      const { topic, payload, qos } = event;
      this.send({ topic, payload, qos, done, isDoneWhenStored: true });
    });
  }

  /** Calls the broker now, if it would be called later. */
  connectNow(): void {
    if (this.#state.name !== "offline") return;
    clearTimeout(this.#timer);
    this.#connect(this.#state.reason);
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

  #enterOnline(refusal: { refusal?: M1Error; reasonCode?: number } = {}): void {
    const address = this.#addresses.currentName;
    this.#enter({ name: "online", ...(address && { address }), ...refusal });
  }

  #connect(lastFailure?: M1Error): void {
    this.#failure = undefined;
    this.#enter({ name: "connecting", lastFailure });
    const { connect, connectBeforeNext } = this.#timing;
    const deadline = this.#addresses.hasOthers ? connectBeforeNext : connect;
    try {
      const opened = openClient(this.settings, this.broker, deadline, this.session);
      this.#client = opened.client;
      this.#firstBytes = opened.firstBytes;
      this.#listen(opened.client, opened.flush);
    } catch (error) {
      // mqtt.js and tls throw on unusable keys and certificates.
      this.#goOffline(this.#failureOf(error));
    }
  }

  #goOnline(client: MqttClient, flush: () => void, connack: IConnackPacket): void {
    if (client !== this.#client || this.#state.name !== "connecting") return;
    this.#timer = setTimeout(() => this.#becomeStable(), this.#timing.stable);
    this.#subscribing.connected(client, flush, this.#isSessionKept(connack));
    this.#addresses.accepted();
    const isSuspect = this.#subscribing.isSuspect;
    if (!isSuspect) this.#sender.connected(client, connack);
    this.#enterOnline();
    const synchronised = this.#synchronise();
    if (!isSuspect) this.#sender.sendWaiting();
    else void synchronised.then(() => this.#sendAfterSubscribing(client, connack));
  }

  /** One that was not to last has not kept what was subscribed to, whatever the broker says. */
  #isSessionKept({ sessionPresent }: IConnackPacket): boolean {
    return this.#isSessionThere(sessionPresent) && !this.#addresses.hasChanged;
  }

  /** In a clean session there is none, whatever the broker says. */
  #isSessionThere(sessionPresent: boolean): boolean {
    return sessionPresent && !this.settings.cleanSession;
  }

  #sendAfterSubscribing(client: MqttClient, connack: IConnackPacket): void {
    if (client !== this.#client || this.#state.name !== "online") return;
    this.#sender.connected(client, connack);
    this.#sender.sendWaiting();
  }

  #becomeStable(): void {
    this.#backoff.reset();
    this.#addresses.held();
    this.#sender.stable();
    this.emit("stable");
  }

  #goOffline(failure: M1Error): void {
    const isAnswered = this.#state.name !== "connecting" || this.#addresses.hasAccepted;
    if (!isAnswered) failure = this.#failureBeforeConnack(failure);
    const { lastFailure } =
      this.#state.name === "connecting" ? this.#state : { lastFailure: failure };
    const diagnosis = this.#subscribing.diagnose(failure) ?? this.#sender.diagnose(failure);
    this.#forgetClient();
    if (diagnosis.cause === "chance") this.#tryNextAddress(failure, lastFailure);
    else this.#retrySameAddress(failure, diagnosis);
  }

  #tryNextAddress(failure: M1Error, lastFailure: M1Error | undefined): void {
    const failed = this.broker;
    const step = this.#addresses.failed(failure);
    if (step.name === "pause") {
      this.#pause(step.failure, this.#backoff.next(step.refused));
    } else {
      this.emit("nextAddress", { failure, failed, next: this.broker });
      this.#connect(lastFailure);
    }
  }

  /** It is an event, a filter or another client that the broker closes the connection over, and no matter of the address. */
  #retrySameAddress(failure: M1Error, diagnosis: Diagnosis): void {
    const { clientId } = this.settings;
    if (diagnosis.cause === "search") this.#pause(failure, this.#backoff.soon());
    else if (diagnosis.cause === "clash") {
      const pause = this.#backoff.next(false);
      // Not at once: the other client must be taken over a third time to name the clash as well.
      const retryIn = diagnosis.known ? this.#timing.longestRetry : pause;
      this.#pause(new M1Error("CLIENT_ID_CLASH", { clientId }), retryIn);
    } else this.#pause(failure, this.#backoff.next(false));
  }

  #pause(reason: M1Error, retryIn: number): void {
    this.#timer = setTimeout(() => this.#connect(reason), retryIn);
    this.#enter({ name: "offline", reason, retryIn });
  }

  /** Ends in `idle`, from where `endDeploy` connects again, or in `closed`, which is final. */
  #disconnect(last: "idle" | "closed"): Promise<void> {
    const { name } = this.#state;
    if (name === "closed" || name === last) return Promise.resolve();
    if (last === "closed") this.#isFinal = true;
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const client = this.#client;
    const isGraceful = this.#state.name === "online";
    this.#enter({ name: "closing" });
    this.#receiver.release();
    this.#sender.closing();
    clearTimeout(this.#timer);
    if (client) await closeClient(client, isGraceful, this.#timing.close);
    this.#forgetClient();
    this.#ending = undefined;
    this.#enter({ name: this.#isFinal ? "closed" : "idle" });
    if (!this.#isFinal) this.endDeploy();
  }

  #forgetClient(): void {
    clearTimeout(this.#timer);
    this.#client = undefined;
    this.#receiver.disconnected();
    this.#subscribing.disconnected();
    this.#sender.disconnected();
  }

  // --- the client -----------------------------------------------------------------------------

  #listen(client: MqttClient, flush: () => void): void {
    client.handleMessage = (packet, acknowledge) => {
      if (client === this.#client) this.#receiver.receive(packet, acknowledge);
    };
    // Before the next packet is read; "connect" comes later.
    client.on("packetreceive", (packet) => {
      if (client !== this.#client || packet.cmd !== "connack") return;
      const isRefusal = (packet.returnCode ?? packet.reasonCode) !== 0;
      // At another address, too: what a cluster knows of the session is repeated there.
      if (isRefusal || this.#isSessionThere(packet.sessionPresent)) return;
      this.session.unreleased.sessionLost();
      this.#receiver.receiveOrphans();
    });
    client.on("connect", (connack) => this.#goOnline(client, flush, connack));
    client.on("disconnect", ({ reasonCode = 0 }) => {
      this.#abandon(client, disconnectFailure(reasonCode));
    });
    client.on("error", (error) => this.#abandon(client, clientFailure(error, this.#context)));
    // mqtt.js keeps to itself what has no code, such as a web server's refusal.
    client.stream.on("error", (error) => this.#abandon(client, this.#failureOf(error)));
    client.on("close", () => {
      if (client === this.#client && this.#state.name !== "closing") {
        this.#goOffline(this.#failure ?? new M1Error("CONNECTION_CLOSED"));
      }
    });
  }

  #failureOf(error: unknown): M1Error {
    return connectionFailure(error, this.#context);
  }

  #failureBeforeConnack(failure: M1Error): M1Error {
    const { protocolVersion } = this.settings;
    return failureBeforeConnack(failure, protocolVersion, this.broker, this.#firstBytes());
  }

  get #context(): FailureContext {
    return { broker: this.broker, clientId: this.settings.clientId };
  }

  /** Not every error of mqtt.js ends the connection; after any of them it is of no use. */
  #abandon(client: MqttClient, failure: M1Error): void {
    client.stream.destroy();
    if (client !== this.#client) return;
    this.#failure ??= failure;
    // Not when it is closed: a WebSocket may take half a minute for that.
    if (this.#state.name !== "closing") this.#goOffline(this.#failure);
  }

  async #synchronise(): Promise<void> {
    const client = this.#client;
    // In the middle of a deploy it would give up what the successors want; `endDeploy` comes yet.
    if (!client || this.#receiver.isHolding) return;
    try {
      await this.#subscribing.synchronise();
    } catch (error) {
      // The connection went down meanwhile, or an answer made no sense: either way a new one is due.
      // While it closes, mqtt.js refuses what is left of the run; the goodbye is still wanted.
      if (this.#state.name === "online") this.#abandon(client, this.#failureOf(error));
    }
  }

  // --- its parts ------------------------------------------------------------------------------

  #newSender(): Sender {
    const { outbox, session } = this;
    const keepsSession = !this.settings.cleanSession;
    const { sendRate } = this.settings;
    const options = { outbox, session, keepsSession, timing: this.#timing, sendRate };
    return new Sender(options, {
      linkDead: (client, failure) => this.#abandon(client, failure),
      refusing: (refusal) => this.#showRefusal(refusal),
      outboxChanged: () => this.emit("outbox"),
      warning: (warning) => this.emit("warning", warning),
    });
  }

  /** Once for each reason in a row. */
  #showRefusal(refusal?: { readonly error: M1Error; readonly reasonCode: number }): void {
    if (this.#state.name !== "online") return;
    if (!refusal) this.#enterOnline();
    else if (this.#state.reasonCode !== refusal.reasonCode) {
      const { error, reasonCode } = refusal;
      this.#enterOnline({ refusal: error, reasonCode });
    }
  }

  #newReceiver(): Receiver {
    return new Receiver(this.#subscriptions, this.session.unreleased, {
      takesMessages: () => this.#state.name !== "closing",
      synchronise: () => this.#synchronise(),
      unexpectedTopic: (error, packet) => this.emit("unexpectedTopic", error, packet),
    });
  }
}
