// What the nodes want to receive, what stands on the wire for it, and who gets what arrives.
import { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";
import type { Address, Identity } from "../protocol/topics";
import { AwaitedRetained } from "./awaited-retained";
import { Router } from "./router";
import {
  coveringFilter,
  filtersOf,
  filtersTo,
  type SubscriptionRequest,
} from "./subscription-request";

/** A message as it comes off the wire. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
}

export interface ReceivedMessage extends IncomingMessage {
  readonly address: Address;
}

/** Its functions must not throw: nobody is there to catch, and Node-RED would end. */
export interface Subscriber {
  /** Whoever changes it says so by `change`. */
  readonly request: SubscriptionRequest;
  receive(message: ReceivedMessage): void;
  /** With the reason when the broker refuses a filter of the request, without when it no longer does. */
  refused(reason: M1Error | undefined): void;
}

/** The two packets that change what the broker sends. Both reject if the connection is lost. */
export interface SubscriptionWire {
  /** One reason code a filter: the QoS granted, or 128 and above for a refusal (MQTT-3.9.3). */
  subscribe(filters: ReadonlyMap<string, QoS>): Promise<ReadonlyMap<string, number>>;
  unsubscribe(filters: readonly string[]): Promise<void>;
}

/** A subscriber and what the broker has granted of its request. */
interface SubscriberState {
  readonly subscriber: Subscriber;
  /** The one that the router knows. */
  request: SubscriptionRequest;
  filters: readonly string[];
  /**
   * Those of its filters that the broker has not granted since they came, or since the session was lost; each with a
   * number of its own, for it may go and come again before the answer.
   */
  readonly ungranted: Map<string, number>;
  readonly retained: AwaitedRetained;
  /** Those of its filters whose refusal it has been told. */
  refused: ReadonlySet<string>;
}

/** A run of SUBSCRIBE and UNSUBSCRIBE over one connection. */
interface Synchronisation {
  readonly wire: SubscriptionWire;
  /** What is wanted has changed since it began. */
  isOutdated: boolean;
}

const REFUSED = 128;

/**
 * What became of a message. `unwanted`: its filter is wanted, but not this kind or type. `stale`: its
 * filter is not, and `synchronise` is due. `foreign`: it is not for this user.
 */
export type DeliveryOutcome = "wanted" | "unwanted" | "stale" | "foreign";

export class Subscriptions {
  readonly #identity: Identity;
  readonly #now: (() => number) | undefined;
  readonly #subscribers = new Map<Subscriber, SubscriberState>();
  readonly #router: Router<SubscriberState>;
  /** What the broker has granted, as far as we know. */
  readonly #granted = new Map<string, QoS>();
  /** Filters that were given up over this connection: messages may still come by them. */
  readonly #unsubscribed = new Set<string>();
  readonly #refusals = new Map<string, M1Error>();
  /** Filters of subscribers that have left since the last `synchronise`: their successors may be about to want them. */
  readonly #filtersOfLeavers = new Set<string>();
  #latestNumber = 0;
  /** The one that is under way. */
  #synchronising: Synchronisation | undefined;

  /** `now` gives milliseconds that never go back. */
  constructor(identity: Identity, now?: () => number) {
    this.#identity = identity;
    this.#now = now;
    this.#router = new Router(identity);
  }

  add(subscriber: Subscriber): void {
    const { request } = subscriber;
    const state: SubscriberState = {
      subscriber,
      request,
      filters: [],
      ungranted: new Map(),
      retained: new AwaitedRetained(this.#now),
      refused: new Set(),
    };
    this.#subscribers.set(subscriber, state);
    this.#router.add(state, request);
    this.#want(state);
  }

  /** To be called when its request is another one; `synchronise` is due. */
  change(subscriber: Subscriber): void {
    const state = this.#subscribers.get(subscriber);
    if (!state) return;
    this.#router.remove(state, state.request);
    state.request = subscriber.request;
    this.#router.add(state, state.request);
    this.#want(state);
  }

  /** What it had already stays granted, so that nothing retained comes again. */
  #want(state: SubscriberState): void {
    const before = new Set(state.filters);
    state.filters = filtersOf(this.#identity, state.request);
    for (const filter of state.filters) {
      const covering = coveringFilter(this.#identity, filter, before);
      const isKept = before.has(filter);
      // What a wider one has brought is not new.
      const isBrought = before.has(covering) && !state.ungranted.has(covering);
      if (isKept || isBrought) continue;
      state.ungranted.set(filter, this.#nextNumber());
      // A newcomer is a reason to ask again for what was refused.
      this.#refusals.delete(filter);
    }
    const kept = new Set(state.filters);
    for (const filter of before) {
      if (kept.has(filter)) continue;
      state.ungranted.delete(filter);
      state.retained.forget(filter);
    }
  }

  remove(subscriber: Subscriber): void {
    const state = this.#subscribers.get(subscriber);
    if (!state) return;
    this.#subscribers.delete(subscriber);
    this.#router.remove(state, state.request);
    for (const filter of state.filters) this.#filtersOfLeavers.add(filter);
  }

  /** A connection came up. Without its session the broker has forgotten every subscription. */
  connected(sessionPresent: boolean): void {
    // One that still waits over the old connection ends without effect.
    this.#synchronising = undefined;
    this.#refusals.clear();
    this.#unsubscribed.clear();
    if (sessionPresent) return;
    this.#granted.clear();
    for (const { ungranted, filters } of this.#subscribers.values()) {
      for (const filter of filters) ungranted.set(filter, this.#nextNumber());
    }
  }

  /** What the broker has refused may be granted by now: the next `synchronise` asks for it again. */
  forgetRefusals(): void {
    this.#refusals.clear();
  }

  /** Gives the message to each subscriber that wants it, once. */
  deliver({ topic, payload, qos, retain }: IncomingMessage): DeliveryOutcome {
    const route = this.#router.route(topic);
    if (!route) return "foreign";
    const { address, targets } = route;
    if (targets.length === 0) return this.#discoversLeftover(address) ? "stale" : "unwanted";
    const message = { address, topic, payload, qos, retain };
    for (const state of targets) {
      if (this.#takes(state, message)) state.subscriber.receive(message);
    }
    return "wanted";
  }

  /**
   * MQTT-3.3.1-8, -9: RETAIN is set only on what a SUBSCRIBE brought up. Whoever wanted it before that
   * SUBSCRIBE has had the message already.
   */
  #takes({ retained }: SubscriberState, { address, topic, retain }: ReceivedMessage): boolean {
    if (retain) return retained.takes(filtersTo(this.#identity, address), topic);
    if (retained.isSettling) retained.came(filtersTo(this.#identity, address), topic);
    return true;
  }

  /**
   * Whether the message shows that the broker keeps a filter of an earlier process in the session.
   * Then it counts as granted, so that `synchronise` gives it up unless someone wants it.
   */
  #discoversLeftover(address: Address): boolean {
    const filters = filtersTo(this.#identity, address);
    if (filters.some((filter) => this.#granted.has(filter) || this.#unsubscribed.has(filter))) {
      return false;
    }
    for (const filter of filters) this.#granted.set(filter, 0);
    return true;
  }

  /**
   * Brings the wire in line with what is wanted, sending differences only. New filters are granted
   * before old ones are given up, so nothing is missed in between. Calls during a run are merged.
   * Rejects if the connection is lost; what was not confirmed is then asked for again.
   */
  async synchronise(wire: SubscriptionWire): Promise<void> {
    this.#filtersOfLeavers.clear();
    if (this.#synchronising) {
      this.#synchronising.isOutdated = true;
      return;
    }
    const run: Synchronisation = { wire, isOutdated: true };
    this.#synchronising = run;
    try {
      while (run.isOutdated) {
        run.isOutdated = false;
        await this.#subscribeToMissing(run);
        await this.#unsubscribeFromUnwanted(run);
        if (this.#isPast(run)) return;
        this.#tellRefusals();
      }
    } finally {
      if (!this.#isPast(run)) this.#synchronising = undefined;
    }
  }

  /** Whether there has been a new connection since: what it learns is no longer so. */
  #isPast(run: Synchronisation): boolean {
    return run !== this.#synchronising;
  }

  async #subscribeToMissing(run: Synchronisation): Promise<void> {
    const { cover, missing } = this.#wanted();
    if (missing.size === 0) return;
    const asking: {
      state: SubscriberState;
      filter: string;
      covering: string;
      number: number | undefined;
    }[] = [];
    for (const state of this.#subscribers.values()) {
      const { ungranted, filters } = state;
      const touched = filters
        .map((filter) => {
          const covering = cover.get(filter) ?? filter;
          return { state, filter, covering, number: ungranted.get(filter) };
        })
        .filter(({ covering }) => missing.has(covering));
      if (touched.length === 0) continue;
      for (const { filter } of touched) {
        if (ungranted.has(filter)) state.retained.asked(filter);
        else state.retained.askedByOthers(filter);
      }
      asking.push(...touched);
    }
    const codes = await run.wire.subscribe(missing);
    if (this.#isPast(run)) return;
    for (const [filter, qos] of missing) {
      if ((codes.get(filter) ?? REFUSED) < REFUSED) this.#granted.set(filter, qos);
      else this.#refuse(filter, run);
    }
    for (const { state, filter, covering, number } of asking) {
      const isSame = state.ungranted.get(filter) === number;
      if (isSame && !this.#refusals.has(covering)) state.ungranted.delete(filter);
    }
  }

  async #unsubscribeFromUnwanted(run: Synchronisation): Promise<void> {
    // A refusal may have made narrower filters wanted that its own would have covered: they first.
    if (this.#isPast(run) || run.isOutdated) return;
    const { wanted } = this.#wanted();
    const unwanted = [...this.#granted.keys()].filter(
      (filter) => !wanted.has(filter) && !this.#filtersOfLeavers.has(filter),
    );
    if (unwanted.length === 0) return;
    await run.wire.unsubscribe(unwanted);
    if (this.#isPast(run)) return;
    for (const filter of unwanted) {
      this.#granted.delete(filter);
      this.#unsubscribed.add(filter);
    }
  }

  /** The wanted filters with their QoS, what covers each, and which of them need a SUBSCRIBE. */
  #wanted() {
    const asked = new Map<string, { qos: QoS; ungranted: boolean }>();
    for (const { filters, ungranted, request } of this.#subscribers.values()) {
      for (const filter of filters) {
        if (this.#refusals.has(filter)) continue;
        ask(asked, filter, request.qos, ungranted.has(filter));
      }
    }
    const all = new Set(asked.keys());
    const cover = new Map<string, string>();
    const wanted = new Map<string, { qos: QoS; ungranted: boolean }>();
    for (const [filter, { qos, ungranted }] of asked) {
      const covering = coveringFilter(this.#identity, filter, all);
      cover.set(filter, covering);
      ask(wanted, covering, qos, ungranted);
    }
    const missing = new Map<string, QoS>();
    for (const [filter, { qos, ungranted }] of wanted) {
      if (ungranted || this.#granted.get(filter) !== qos) missing.set(filter, qos);
    }
    return { wanted, cover, missing };
  }

  #nextNumber(): number {
    this.#latestNumber += 1;
    return this.#latestNumber;
  }

  #refuse(filter: string, run: Synchronisation): void {
    this.#refusals.set(filter, new M1Error("SUBSCRIPTION_REFUSED", { filter }));
    run.isOutdated = true;
  }

  #tellRefusals(): void {
    for (const state of this.#subscribers.values()) {
      const told = state.refused;
      state.refused = new Set(state.filters.filter((filter) => this.#refusals.has(filter)));
      // Told once, however often the connection is made anew.
      for (const filter of state.refused) {
        if (!told.has(filter)) state.subscriber.refused(this.#refusals.get(filter));
      }
      if (told.size > 0 && state.refused.size === 0) state.subscriber.refused(undefined);
    }
  }
}

function ask(
  filters: Map<string, { qos: QoS; ungranted: boolean }>,
  filter: string,
  qos: QoS,
  ungranted: boolean,
): void {
  const asked = filters.get(filter);
  const highest = Math.max(asked?.qos ?? 0, qos) as QoS;
  filters.set(filter, { qos: highest, ungranted: ungranted || asked?.ungranted === true });
}
