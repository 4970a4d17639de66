// What a sandbox remembers of what it saw and sent, the newest of each kind, and how much there was in all.
import { EVENTS_WEIGHT, MESSAGES_WEIGHT, messageWeight, RECORDS_WEIGHT } from "../bounds";
import { packetWeight, type WirePacket } from "../broker/wire";
import { type Refusal, refusalWeight, type Sent, type Totals } from "./activity";
import { History } from "./history";
import { Retained } from "./retained";
import { eventWeight, type StoredEvent } from "./stored-event";

export interface ActivityLogOptions {
  /** How many of each kind. */
  readonly keep: number;
  /** Topics that retain a message. */
  readonly retained: number;
}

export class ActivityLog {
  readonly #events: History<StoredEvent>;
  readonly #refusals: History<Refusal>;
  readonly #wire: History<WirePacket>;
  readonly #sent: History<Sent>;
  readonly #retained: Retained;
  readonly #totals = { events: 0, refusals: 0, sent: 0 };

  constructor({ keep: items, retained }: ActivityLogOptions) {
    const weight = RECORDS_WEIGHT;
    this.#events = new History({ items, weight: EVENTS_WEIGHT, weigh: eventWeight });
    this.#refusals = new History<Refusal>({ items, weight, weigh: refusalWeight });
    this.#wire = new History<WirePacket>({ items, weight, weigh: packetWeight });
    this.#sent = new History<Sent>({ items, weight: MESSAGES_WEIGHT, weigh: messageWeight });
    this.#retained = new Retained(retained);
  }

  /** Oldest first, as all of these are. */
  get events(): readonly StoredEvent[] {
    return this.#events.items;
  }

  get refusals(): readonly Refusal[] {
    return this.#refusals.items;
  }

  get wire(): readonly WirePacket[] {
    return this.#wire.items;
  }

  get sent(): readonly Sent[] {
    return this.#sent.items;
  }

  /** Those of the same topic as one. */
  get retained(): readonly Sent[] {
    return this.#retained.messages;
  }

  get totals(): Totals {
    return { ...this.#totals };
  }

  addEvent(event: StoredEvent): void {
    this.#events.add(event);
    this.#totals.events += 1;
  }

  /** Those that were kept from before, oldest first, the last of so many in all. */
  restoreEvents(events: readonly StoredEvent[], total: number): void {
    for (const event of events) this.#events.add(event);
    this.#totals.events = total;
  }

  restoreRetained(sent: Sent): void {
    this.#retained.put(sent);
  }

  addRefusal(refusal: Refusal): void {
    this.#refusals.add(refusal);
    this.#totals.refusals += 1;
  }

  addPacket(packet: WirePacket): void {
    this.#wire.add(packet);
  }

  addSent(sent: Sent): void {
    if (sent.retain) this.#retained.put(sent);
    this.#sent.add(sent);
    this.#totals.sent += 1;
  }

  hasRoomToRetain(message: Pick<Sent, "topic" | "payload">): boolean {
    return this.#retained.hasRoomFor(message);
  }
}
