// Packet identifiers for one connection (MQTT-2.3.1). Those of QoS 2 events come from ranges of their own,
// so that what an earlier connection left half done under one of them can be released.
import type { IClientOptions } from "mqtt";

type MessageIdProvider = NonNullable<IClientOptions["messageIdProvider"]>;

/** For QoS 2 events: more than are in flight, as mqtt.js gives one back only after it has told of the end. */
const EXCHANGES = 32;
/** For the first QoS 2 event of each connection, so many that no two of them soon have the same. */
const PROBES = 32_768;
const FIRST_PROBE = EXCHANGES + 1;
const FIRST_OTHER = FIRST_PROBE + PROBES;
const OTHERS = 65_536 - FIRST_OTHER;

/**
 * So many numbers from `first` on, round and round: their order tells that of the events, and one that a
 * broker answers twice does not mean another event by then.
 */
class Circle {
  readonly #taken = new Set<number>();
  readonly #first: number;
  readonly #length: number;
  #next: number;

  constructor(first: number, length: number, next = first) {
    this.#first = first;
    this.#length = length;
    this.#next = next;
  }

  /** None of them taken, and the next one the same. */
  anew(): Circle {
    return new Circle(this.#first, this.#length, this.#next);
  }

  take(): number | null {
    if (this.#taken.size === this.#length) return null;
    while (this.#taken.has(this.#next)) this.#next = this.#following(this.#next);
    const number = this.#next;
    this.#taken.add(number);
    this.#next = this.#following(number);
    return number;
  }

  giveBack(number: number): void {
    this.#taken.delete(number);
  }

  /** All of them, oldest first. */
  *numbers(): Generator<number> {
    let number = this.#next;
    for (let count = 0; count < this.#length; count += 1) {
      yield number;
      number = this.#following(number);
    }
  }

  #following(number: number): number {
    return this.#first + ((number - this.#first + 1) % this.#length);
  }
}

export class PacketIdentifiers implements MessageIdProvider {
  /** Where the next one comes from. */
  source: "exchanges" | "probes" | "others" = "others";
  #exchanges: Circle;
  #probes: Circle;
  #others = new Circle(FIRST_OTHER, OTHERS);
  /** Probes whose exchange was begun and not completed, in their order. */
  readonly #openProbes: Set<number>;
  #latest: number | null = null;

  /** Goes on where those of the connection before were; a process begins its probes at random. */
  constructor(before?: PacketIdentifiers, random: () => number = Math.random) {
    this.#exchanges = before ? before.#exchanges.anew() : new Circle(1, EXCHANGES);
    const start = FIRST_PROBE + Math.floor(random() * PROBES);
    this.#probes = before ? before.#probes.anew() : new Circle(FIRST_PROBE, PROBES, start);
    this.#openProbes = before ? before.#openProbes : new Set();
  }

  /** null if all are in use. */
  allocate(): number | null {
    this.#latest = this.#take();
    if (this.source === "probes" && this.#latest !== null) this.#openProbes.add(this.#latest);
    return this.#latest;
  }

  getLastAllocated(): number | null {
    return this.#latest;
  }

  /** The exchange under that identifier is complete. */
  completed(identifier: number): void {
    this.#openProbes.delete(identifier);
  }

  /** For what mqtt.js has stored itself, which is nothing. */
  register(): boolean {
    return true;
  }

  deallocate(identifier: number): void {
    if (identifier >= FIRST_OTHER) this.#others.giveBack(identifier);
    else if (identifier >= FIRST_PROBE) this.#probes.giveBack(identifier);
    else this.#exchanges.giveBack(identifier);
  }

  clear(): void {
    this.#exchanges = this.#exchanges.anew();
    this.#probes = this.#probes.anew();
    this.#others = new Circle(FIRST_OTHER, OTHERS);
  }

  /**
   * PUBREL packets (MQTT-4.3.3) for all exchanges that may have been left half done, oldest first, but not
   * for `underWay`. A broker delivers such an event when it is released.
   */
  releases(underWay: number): Uint8Array {
    this.#openProbes.delete(underWay);
    const identifiers = [...this.#openProbes, ...this.#exchanges.numbers()];
    this.#openProbes.clear();
    this.#openProbes.add(underWay);
    return Uint8Array.from(
      identifiers.flatMap((identifier) => [0x62, 2, identifier >> 8, identifier & 0xff]),
    );
  }

  #take(): number | null {
    if (this.source === "others") return this.#others.take();
    return this.source === "probes" ? this.#probes.take() : this.#exchanges.take();
  }
}
