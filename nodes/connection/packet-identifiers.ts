// Packet identifiers for one connection (MQTT-2.3.1). Those of QoS 2 events come from a few that are set
// apart, so that what an earlier connection left half done under one of them can be released.
import type { IClientOptions } from "mqtt";

type MessageIdProvider = NonNullable<IClientOptions["messageIdProvider"]>;

/** 1 to this one are for events of QoS 2: more than are on the wire at a time. */
export const SET_APART = 32;
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

/** Numbers from 1 to SET_APART in turn, round and round: their order tells that of the events. */
class Circle {
  readonly #taken = new Set<number>();
  #next: number;

  constructor(next: number) {
    this.#next = next;
  }

  get next(): number {
    return this.#next;
  }

  take(): number | null {
    if (this.#taken.size === SET_APART) return null;
    while (this.#taken.has(this.#next)) this.#next = following(this.#next);
    const number = this.#next;
    this.#taken.add(number);
    this.#next = following(number);
    return number;
  }

  giveBack(number: number): void {
    this.#taken.delete(number);
  }
}

function following(number: number): number {
  return (number % SET_APART) + 1;
}

export class PacketIdentifiers implements MessageIdProvider {
  /** Whether the next one is for an event of QoS 2. */
  apart = false;
  #apart: Circle;
  #others = new Pool(SET_APART + 1);
  #latest: number | null = null;

  /** `nextApart` of the connection before, if there was one. */
  constructor(nextApart = 1) {
    this.#apart = new Circle(nextApart);
  }

  /** Those set apart that are in use, or were over the connection before, are oldest first from here. */
  get nextApart(): number {
    return this.#apart.next;
  }

  /** null if all are in use. */
  allocate(): number | null {
    this.#latest = (this.apart ? this.#apart : this.#others).take();
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
    (identifier <= SET_APART ? this.#apart : this.#others).giveBack(identifier);
  }

  clear(): void {
    this.#apart = new Circle(this.#apart.next);
    this.#others = new Pool(SET_APART + 1);
  }
}

/**
 * PUBREL packets for all identifiers that are set apart (MQTT-4.3.3), from this one on, round to the one
 * before it. A broker takes what comes under one that it holds for a repetition, and mosquitto, which has
 * room for twenty, delivers nothing more once they are used up; it delivers an event when it is released.
 */
export function releases(first: number): Uint8Array {
  const packets = Buffer.alloc(SET_APART * 4);
  let identifier = first;
  for (let offset = 0; offset < packets.length; offset += 4) {
    packets.set([0x62, 2, 0, identifier], offset);
    identifier = following(identifier);
  }
  return packets;
}
