// The subscriptions over the present connection: what the nodes want is asked for, what nobody wants is
// given up, and a broker that ends the connection over one of the two keeps nobody else waiting for long.
import type { MqttClient } from "mqtt";
import type { ErrorCode, M1Error } from "../protocol/errors";
import type { Subscriptions, SubscriptionWire } from "../subscriptions/subscriptions";
import type { Diagnosis } from "./disconnect-diagnosis";
import { PoisonFilters } from "./poison-filters";
import { subscriptionWire } from "./subscription-wire";
import type { Timing } from "./timing";
import { Unsubscribing } from "./unsubscribing";

/** The broker closes the connection for a reason that it has given, or we do for one that we know. */
const OTHER_REASONS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "TAKEN_OVER",
  "BROKER_UNAVAILABLE",
  "PACKET_TOO_LARGE",
]);

export class Subscribing {
  readonly #subscriptions: Subscriptions;
  readonly #timing: Timing;
  readonly #poison: PoisonFilters;
  readonly #unsubscribing = new Unsubscribing();
  /** What was refused is to be asked for again: `synchronise` is due. */
  readonly #due: () => void;
  #wire: SubscriptionWire | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(subscriptions: Subscriptions, timing: Timing, due: () => void) {
    this.#subscriptions = subscriptions;
    this.#timing = timing;
    this.#poison = new PoisonFilters(timing.askAgain);
    this.#due = due;
  }

  /** The connection before ended over a SUBSCRIBE or UNSUBSCRIBE: events had better wait until `synchronise` is done. */
  get isSuspect(): boolean {
    return this.#poison.isSearching || this.#unsubscribing.isSuspect;
  }

  /** CONNACK has come. `flush` sends what the client's stream has gathered. */
  connected(client: MqttClient, flush: () => void, sessionPresent: boolean): void {
    this.#wire = subscriptionWire(client, flush, this.#timing, this.#poison, this.#unsubscribing);
    this.#subscriptions.connected(sessionPresent);
  }

  /** Brings the wire in line with what is wanted. Rejects if the connection is lost, or an answer made no sense. */
  async synchronise(): Promise<void> {
    const wire = this.#wire;
    if (!wire) return;
    await this.#subscriptions.synchronise(wire);
    if (wire !== this.#wire) return;
    this.#poison.settled();
    if (this.#poison.hasAny)
      this.#timer ??= setTimeout(() => this.#askAgain(), this.#timing.askAgain);
  }

  /** Asked before `disconnected`: what it means if the connection has ended over a SUBSCRIBE or UNSUBSCRIBE; undefined if not. */
  diagnose({ code }: M1Error): Diagnosis | undefined {
    const isForOtherReason = OTHER_REASONS.has(code);
    if (this.#unsubscribing.disconnected(isForOtherReason)) return { cause: "search" };
    const verdict = isForOtherReason ? undefined : this.#poison.disconnected();
    return verdict && { cause: verdict === "search" ? "search" : "chance" };
  }

  disconnected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wire = undefined;
    this.#poison.forgetQuestion();
  }

  #askAgain(): void {
    this.#timer = undefined;
    this.#subscriptions.forgetRefusals();
    this.#due();
  }
}
