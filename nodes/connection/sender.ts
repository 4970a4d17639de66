// What goes out over a connection: which event may be sent when, and what the broker's answer, its
// silence or the end of the connection means for it.
import type { ErrorWithReasonCode, IConnackPacket, MqttClient } from "mqtt";
import type { Delivery } from "../outbox/event";
import type { Outbox } from "../outbox/outbox";
import { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";
import { BrokerLimits } from "./broker-limits";
import { Deadline } from "./deadline";
import { type Diagnosis, DisconnectDiagnosis } from "./disconnect-diagnosis";
import { isClosedByBroker, isSilence, passingRefusal, refusedEvent } from "./failure";
import { OutgoingQoS } from "./outgoing-qos";
import { PoisonTopics } from "./poison-topics";
import { type ProbeEvent, ProbeEvents } from "./probe-events";
import { isAlreadyReceived, PublishRefusals } from "./publish-refusals";
import { QoS2Exchanges } from "./qos-2";
import { SendRate } from "./send-rate";
import { SendingPause } from "./sending-pause";
import type { Session } from "./session";
import type { Timing } from "./timing";
import { TurnBudget } from "./turn-budget";

/** The connection that the sender belongs to. */
export interface SenderOwner {
  /** The link takes what is sent and answers nothing. */
  linkDead(client: MqttClient, failure: M1Error): void;
  /** The broker takes no events at present, for that reason; without one it takes them again. */
  refusing(refusal?: { readonly error: M1Error; readonly reasonCode: number }): void;
  /** The number of events in the outbox may have changed. */
  outboxChanged(): void;
  /** Events go otherwise than their nodes ask for. */
  warning(warning: M1Error): void;
}

export interface SenderOptions {
  readonly outbox: Outbox;
  readonly session: Session;
  /** The broker keeps the session, and with it QoS 2 exchanges that are half done. */
  readonly keepsSession: boolean;
  readonly timing: Timing;
  /** Events per second at most; Infinity without a limit. */
  readonly sendRate: number;
}

/** What ends with one connection. */
interface Link {
  readonly client: MqttClient;
  readonly limits: BrokerLimits;
  inFlight: number;
  /** So often the deadline of the oldest event has begun anew because others at QoS 2 made progress. */
  advances: number;
  /** The socket's buffer is full; "drain" says when it is not. */
  needsDrain: boolean;
  /** Since the first event at QoS 2. */
  qos2: QoS2Exchanges | undefined;
  /** The broker has acknowledged an event: it takes some at present. */
  isProven: boolean;
  /** What it took last is on its way once more, to see whether it takes any. */
  isProbing: boolean;
  /** DISCONNECT is to follow: what is in flight may still be acknowledged, and nothing more is sent. */
  isClosing: boolean;
}

/** The options of a publication, by its QoS; those of QoS 2 have their exchanges. */
const PUBLISH = [{ qos: 0 }, { qos: 1 }] as const;
/** After so many connections that end without an answer to releases there are none any more. */
const UNANSWERED_RELEASES = 2;

export class Sender {
  readonly #options: SenderOptions;
  readonly #outbox: Outbox;
  readonly #owner: SenderOwner;
  readonly #diagnosis: DisconnectDiagnosis;
  readonly #refusals: PublishRefusals;
  readonly #pause = new SendingPause();
  readonly #rate: SendRate;
  readonly #turn: TurnBudget;
  #rateTimer: NodeJS.Timeout | undefined;
  #link: Link | undefined;
  #isSending = false;
  /** Of the oldest event in flight. */
  readonly #acknowledgement: Deadline;
  readonly #qos = new OutgoingQoS();
  /** Connections that have ended without an answer to releases, since one that did not. */
  #unansweredReleases = 0;
  readonly #poisonTopics = new PoisonTopics();
  readonly #probes = new ProbeEvents();
  /** What has been told, by code and detail: once until the next deploy. */
  readonly #warned = new Set<string>();

  constructor(options: SenderOptions, owner: SenderOwner) {
    this.#options = options;
    this.#outbox = options.outbox;
    this.#owner = owner;
    this.#diagnosis = new DisconnectDiagnosis(options.timing);
    this.#refusals = new PublishRefusals(options.timing);
    this.#rate = new SendRate(options.sendRate);
    this.#acknowledgement = new Deadline(options.timing.acknowledge);
    this.#turn = new TurnBudget(options.timing.turn, () => this.sendWaiting());
  }

  /** How many events are sent and not acknowledged. */
  get inFlight(): number {
    return this.#link?.inFlight ?? 0;
  }

  /** CONNACK has come. Nothing is sent before `sendWaiting`. */
  connected(client: MqttClient, { properties }: IConnackPacket): void {
    const link: Link = {
      client,
      limits: new BrokerLimits(properties),
      inFlight: 0,
      advances: 0,
      needsDrain: false,
      qos2: undefined,
      isProven: false,
      isProbing: false,
      isClosing: false,
    };
    this.#link = link;
    client.stream.on("drain", () => {
      link.needsDrain = false;
      this.sendWaiting();
    });
  }

  /** The connection has held for long enough that its loss would be a new one. */
  stable(): void {
    this.#diagnosis.forgetTakeovers();
  }

  /** The goodbye begins. */
  closing(): void {
    if (this.#link) this.#link.isClosing = true;
    this.#pause.end();
  }

  /** The connection has ended: what is not acknowledged waits again. */
  disconnected(): void {
    this.#acknowledgement.end();
    this.#link = undefined;
    clearTimeout(this.#rateTimer);
    this.#rateTimer = undefined;
    this.#turn.end();
    this.#pause.end();
    this.#outbox.rewind();
  }

  /** Sends what waits, as far as that may be sent now. */
  sendWaiting(): void {
    const link = this.#link;
    // At QoS 0 `publish` may call back at once: without the flag, once per waiting event and deeper.
    if (this.#isSending || !link || link.isProbing) return;
    const probe = this.#probeNeeded(link);
    if (probe) {
      this.#probe(link, probe);
      return;
    }
    if (!this.#maySend(link)) return;
    this.#isSending = true;
    this.#turn.resume();
    const { size } = this.#outbox;
    do {
      const delivery = this.#outbox.next();
      if (!delivery) break;
      if (!this.#maySendAtItsQoS(link, delivery)) {
        this.#outbox.putBack();
        break;
      }
      this.#publish(link, delivery);
    } while (this.#maySend(link));
    this.#turn.pause();
    this.#isSending = false;
    // Expired events leave without having been sent.
    if (this.#outbox.size !== size) this.#owner.outboxChanged();
    if (link.inFlight > 0 && !this.#acknowledgement.isRunning) this.#awaitAcknowledgement(link);
  }

  /** Whether another event, whichever it is, may be sent now. */
  #maySend({ isClosing, needsDrain, inFlight, limits }: Link): boolean {
    if (isClosing || needsDrain || this.#pause.isActive) return false;
    if (inFlight >= this.#diagnosis.window || inFlight >= limits.inFlight) return false;
    return this.#isInTime() && this.#turn.isLeft;
  }

  /** If not, sending goes on when it is. */
  #isInTime(): boolean {
    const { wait } = this.#rate;
    if (wait === 0) return true;
    this.#rateTimer ??= setTimeout(() => {
      this.#rateTimer = undefined;
      this.sendWaiting();
    }, wait);
    return false;
  }

  /** Of those at QoS 2 fewer may be in flight, and the first of a connection goes alone. */
  #maySendAtItsQoS(link: Link, delivery: Delivery): boolean {
    if (this.#qos.of(delivery, link.limits.maximumQoS) < 2) return true;
    return !link.qos2 || link.qos2.room(link.limits.inFlightQoS2) > 0;
  }

  #publish(link: Link, delivery: Delivery): void {
    const { client, limits } = link;
    const { topic, payload } = delivery;
    const qos = this.#qos.of(delivery, limits.maximumQoS);
    const fault = limits.excess(delivery, qos) ?? this.#poison(topic);
    if (fault) {
      this.#outbox.setAside(delivery, fault);
      return;
    }
    if (qos < delivery.qos) this.#tellLowered(link, delivery);
    const answered = (error: unknown) => this.#answered(link, delivery, qos, error);
    link.inFlight += 1;
    this.#diagnosis.sent(delivery);
    this.#rate.sent();
    this.#turn.spend();
    if (qos === 2) this.#exchangesOf(link).publish(delivery, answered);
    else client.publish(topic, payload, PUBLISH[qos], answered);
    // What a full socket is given waits in memory, beside the outbox.
    link.needsDrain = client.stream.writableNeedDrain;
  }

  /**
   * A broker in trouble closes the connection on whatever comes, or answers nothing. Before the event under
   * suspicion is tried again, it has to take one that it has taken before.
   */
  #probeNeeded(link: Link): ProbeEvent | undefined {
    const suspect = this.#diagnosis.needsProof;
    if (!suspect || link.isProven || link.isClosing) return undefined;
    return this.#probes.against(suspect.topic);
  }

  #probe(link: Link, { topic, payload }: ProbeEvent): void {
    link.isProbing = true;
    link.client.publish(topic, payload, PUBLISH[1], (error) => {
      if (link !== this.#link || (error && !isAnswer(error))) return;
      link.isProven = true;
      link.isProbing = false;
      this.#probes.answered();
      this.#acknowledgement.met();
      this.sendWaiting();
    });
    this.#awaitAcknowledgement(link);
  }

  #exchangesOf(link: Link): QoS2Exchanges {
    const { session, keepsSession } = this.#options;
    link.qos2 ??= new QoS2Exchanges(link.client, session.identifiers, {
      releases: keepsSession && this.#unansweredReleases < UNANSWERED_RELEASES,
      advanced: () => this.#advanced(link),
      answeredAtQoS1: () => this.#qos.answeredAtQoS1(),
    });
    return link.qos2;
  }

  /** Why an event on that topic is not even tried, if so. */
  #poison(topic: string): M1Error | undefined {
    const fault = this.#poisonTopics.faultOf(topic);
    if (!fault) return undefined;
    const error = () => new M1Error(fault, { topic });
    this.#warn(topic, error);
    return error();
  }

  #tellLowered({ limits }: Link, delivery: Delivery): void {
    const warning = this.#qos.lowered(delivery, limits.maximumQoS);
    if (warning) this.#warn(`QoS ${delivery.qos}`, () => warning);
  }

  #warn(subject: string, warning: () => M1Error): void {
    if (this.#warned.has(subject)) return;
    this.#warned.add(subject);
    this.#owner.warning(warning());
  }

  /**
   * On a slow link the broker receives all that is in flight before it hears the next step of the first. No more
   * often than that: what it goes on to answer must not hide what it never will.
   */
  #advanced(link: Link): void {
    if (link.advances >= link.limits.inFlightQoS2) return;
    link.advances += 1;
    this.#acknowledgement.extend();
  }

  /** A half-open link takes what is written to it and says nothing; keep-alive may notice much later. */
  #awaitAcknowledgement(link: Link): void {
    this.#acknowledgement.begin(() =>
      this.#owner.linkDead(link.client, new M1Error("KEEPALIVE_LOST")),
    );
  }

  /** A person says that the broker bears events on that topic now. */
  trust(topic: string): void {
    this.#poisonTopics.forget(topic);
    this.#warned.delete(topic);
  }

  // --- what the broker answers ------------------------------------------------------------------

  #answered(link: Link, delivery: Delivery, qos: QoS, error: unknown): void {
    if (link !== this.#link) return;
    link.inFlight -= 1;
    // At the end of the connection the outbox still has the event.
    if (error && !isAnswer(error)) return;
    if (link.inFlight === 0) this.#acknowledgement.met();
    // They come in order (MQTT-4.6.0-2): an event that is passed over gets none any more, and counts as
    // late. In a pause what was refused stays the oldest, and no more is sent.
    else if (this.#pause.isActive || this.#outbox.isOldest(delivery)) {
      link.advances = 0;
      this.#acknowledgement.extend();
    }
    this.#diagnosis.answered(delivery);
    const refusal = error as ErrorWithReasonCode | undefined;
    if (refusal && !isAlreadyReceived(refusal.code)) {
      this.#refused(link, delivery, refusal);
    } else {
      if (qos > 0) link.isProven = true;
      this.#accepted(delivery, qos);
    }
    if (this.#pause.isActive && link.inFlight === 0) this.#waitAfterRefusal();
    this.#owner.outboxChanged();
    this.sendWaiting();
  }

  #accepted(delivery: Delivery, qos: QoS): void {
    this.#refusals.accepted();
    // At QoS 0 the broker has not said so.
    if (qos > 0) {
      this.#poisonTopics.accepted(delivery.topic);
      this.#probes.taken(delivery);
    }
    this.#qos.accepted(delivery, qos);
    this.#outbox.acknowledge(delivery);
  }

  #refused(link: Link, delivery: Delivery, error: ErrorWithReasonCode): void {
    if (this.#refusals.isFinal(delivery, error.code)) {
      this.#outbox.setAside(delivery, refusedEvent(error));
      return;
    }
    // In a goodbye the event only stays in the outbox.
    if (link.isClosing) return;
    this.#pause.begin();
    this.#owner.refusing({ error: passingRefusal(error.code), reasonCode: error.code });
  }

  /** All that was in flight is answered; what was refused goes again, in its old order. */
  #waitAfterRefusal(): void {
    this.#outbox.rewind();
    this.#diagnosis.sendOneByOne();
    this.#pause.wait(
      this.#refusals.nextPause(),
      () => this.sendWaiting(),
      this.#options.timing.calm,
      () => this.#owner.refusing(),
    );
  }

  // --- what the end of a connection says --------------------------------------------------------

  /**
   * To be asked before `disconnected`. An event that the broker cannot bear goes into quarantine; a clash
   * of client ids is for the connection to tell.
   */
  diagnose(failure: M1Error): Diagnosis {
    const diagnosis = this.#diagnose(failure);
    if (diagnosis.cause === "event") {
      const { delivery, times, isUnanswered } = diagnosis;
      const kind = isUnanswered ? "UNANSWERED" : "HANGS_UP";
      // A broker that takes nothing has shown nothing about the topic.
      if (this.#link?.isProven) this.#poisonTopics.failed(delivery.topic, `TOPIC_${kind}`);
      this.#outbox.setAside(delivery, new M1Error(`EVENT_${kind}`, { times }));
    }
    return diagnosis;
  }

  #diagnose(failure: M1Error): Diagnosis {
    const link = this.#link;
    if (link?.isProbing) {
      // After too many, the event under suspicion is tried without proof.
      this.#probes.failed();
      this.#diagnosis.forgetTakeovers();
      return { cause: "chance" };
    }
    if (link?.qos2?.isReleaseUnanswered) this.#unansweredReleases += 1;
    // Breaks by chance, days apart, must not add up.
    else if (link?.qos2?.hasCompleted) this.#unansweredReleases = 0;
    const inFlight = link && this.#outbox.unacknowledged;
    if (link && inFlight && this.#isQoS2ToBlame(link, inFlight.oldest, failure)) {
      this.#qos.failed(inFlight.oldest);
      this.#diagnosis.sendOneByOne();
      return { cause: "search" };
    }
    // A broker that refuses events for now has a reason of its own to close the connection.
    if (link && isClosedByBroker(failure) && !this.#pause.isActive) {
      // A broker that says so is believed: then no event is to blame.
      const blamed = failure.code === "TAKEN_OVER" ? undefined : inFlight;
      return this.#diagnosis.disconnected(blamed, link.isProven);
    }
    if (link && isSilence(failure) && !this.#pause.isActive) {
      return this.#diagnosis.silent(inFlight, link.isProven);
    }
    this.#diagnosis.forgetTakeovers();
    // To a broker that limits the rate the same burst would be too much again.
    if (isSilence(failure) || failure.code === "BROKER_UNAVAILABLE") this.#diagnosis.sendOneByOne();
    return { cause: "chance" };
  }

  /** The connection ended over an event at QoS 2, before any exchange over it was complete. */
  #isQoS2ToBlame(link: Link, oldest: Delivery, failure: M1Error): boolean {
    if (failure.code === "TAKEN_OVER" || !link.qos2 || link.qos2.hasCompleted) return false;
    if (!isClosedByBroker(failure) && !isSilence(failure)) return false;
    return this.#qos.of(oldest, link.limits.maximumQoS) === 2;
  }
}

/** An error with a reason code is the broker's answer; without one it is the end of the connection. */
function isAnswer(error: unknown): boolean {
  return typeof (error as { code?: unknown }).code === "number";
}
