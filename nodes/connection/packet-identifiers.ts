// Packet identifiers for one connection (MQTT-2.3.1). Those of QoS 2 events come from a few that are set
// apart, so that what an earlier connection left half done under one of them can be released.
import type { IClientOptions } from "mqtt";

type MessageIdProvider = NonNullable<IClientOptions["messageIdProvider"]>;

/** Numbers for events of QoS 2: more than are on the wire at a time. */
const SET_APART = 32;
/** Twice so many are set apart. */
const OTHERS = 2 * SET_APART + 1;
const HIGHEST = 65_535;

/** Numbers from one on, each in use once. */
class Pool {
  readonly #free: number[] = [];
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  take(): number | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#next > HIGHEST) return null;
    this.#next += 1;
    return this.#next - 1;
  }

  giveBack(number: number): void {
    this.#free.push(number);
  }
}

/** So many numbers from `first` on, round and round: their order tells that of the events. */
class Circle {
  readonly #taken = new Set<number>();
  readonly #first: number;
  #next: number;

  constructor(first: number, next = first) {
    this.#first = first;
    this.#next = next;
  }

  /** None of them taken, and the next one the same. */
  anew(): Circle {
    return new Circle(this.#first, this.#next);
  }

  take(): number | null {
    if (this.#taken.size === SET_APART) return null;
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
    for (let count = 0; count < SET_APART; count += 1) {
      yield number;
      number = this.#following(number);
    }
  }

  #following(number: number): number {
    return this.#first + ((number - this.#first + 1) % SET_APART);
  }
}

export class PacketIdentifiers implements MessageIdProvider {
  /**
   * Where the next one comes from: `released` for events of QoS 2, once those half done are released, and
   * `spare` for them over a connection that releases nothing, where the former may be taken.
   */
  from: "released" | "spare" | "others" = "others";
  #released: Circle;
  #spare: Circle;
  #others = new Pool(OTHERS);
  #latest: number | null = null;

  /** Goes on where those of the connection before were. */
  constructor(before?: PacketIdentifiers) {
    this.#released = before ? before.#released.anew() : new Circle(1);
    this.#spare = before ? before.#spare.anew() : new Circle(1 + SET_APART);
  }

  /** null if all are in use. */
  allocate(): number | null {
    this.#latest = this.#source().take();
    return this.#latest;
  }

  getLastAllocated(): number | null {
    return this.#latest;
  }

  /** For what mqtt.js has stored itself, which is nothing. */
  register(): boolean {
    return true;
  }

  deallocate(identifier: number): void {
    if (identifier >= OTHERS) this.#others.giveBack(identifier);
    else if (identifier > SET_APART) this.#spare.giveBack(identifier);
    else this.#released.giveBack(identifier);
  }

  clear(): void {
    this.#released = this.#released.anew();
    this.#spare = this.#spare.anew();
    this.#others = new Pool(OTHERS);
  }

  /**
   * PUBREL packets for all identifiers that are set apart (MQTT-4.3.3), oldest first. A broker takes what
   * comes under one that it holds for a repetition, and mosquitto, which has room for twenty, delivers
   * nothing more once they are used up; it delivers an event when it is released.
   */
  releases(): Uint8Array {
    const numbers = [...this.#released.numbers(), ...this.#spare.numbers()];
    return Uint8Array.from(numbers.flatMap((identifier) => [0x62, 2, 0, identifier]));
  }

  #source(): Circle | Pool {
    if (this.from === "others") return this.#others;
    return this.from === "spare" ? this.#spare : this.#released;
  }
}
