// Packet identifiers for one connection (MQTT-2.3.1). Those of QoS 2 events come from a few that are set
// apart, so that what an earlier connection left half done under one of them can be released.
import type { IClientOptions } from "mqtt";

type MessageIdProvider = NonNullable<IClientOptions["messageIdProvider"]>;

/** 1 to this one are for events of QoS 2: more than are on the wire at a time. */
export const SET_APART = 32;
const HIGHEST = 65_535;

/** Numbers from one to another, each in use once. */
class Pool {
  readonly #free: number[] = [];
  readonly #last: number;
  #next: number;

  constructor(first: number, last: number) {
    this.#next = first;
    this.#last = last;
  }

  take(): number | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#next > this.#last) return null;
    this.#next += 1;
    return this.#next - 1;
  }

  giveBack(number: number): void {
    this.#free.push(number);
  }
}

export class PacketIdentifiers implements MessageIdProvider {
  /** What the next one is for. */
  qos2 = false;
  #apart = new Pool(1, SET_APART);
  #others = new Pool(SET_APART + 1, HIGHEST);
  #latest: number | null = null;

  /** null if all are in use. */
  allocate(): number | null {
    this.#latest = (this.qos2 ? this.#apart : this.#others).take();
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
    this.#apart = new Pool(1, SET_APART);
    this.#others = new Pool(SET_APART + 1, HIGHEST);
  }
}

/**
 * PUBREL packets for all identifiers that are set apart (MQTT-4.3.3). A broker takes what comes under one
 * that it holds for a repetition, and mosquitto, which has room for twenty, delivers nothing more once
 * they are used up. It answers PUBCOMP in any case.
 */
export function releases(): Uint8Array {
  const packets = Buffer.alloc(SET_APART * 4);
  for (let identifier = 1; identifier <= SET_APART; identifier += 1) {
    packets.set([0x62, 2, 0, identifier], (identifier - 1) * 4);
  }
  return packets;
}
