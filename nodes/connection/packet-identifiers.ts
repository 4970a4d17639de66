// Packet identifiers for one connection (MQTT-2.3.1): always one that was free again last, so that all
// stay low, and what an earlier connection left half done under one of them can be released.
import type { IClientOptions } from "mqtt";

type MessageIdProvider = NonNullable<IClientOptions["messageIdProvider"]>;

const HIGHEST = 65_535;

export class PacketIdentifiers implements MessageIdProvider {
  readonly #free: number[] = [];
  #highest = 0;
  #latest: number | null = null;

  /** null if all are in use. */
  allocate(): number | null {
    this.#latest = this.#free.pop() ?? this.#next();
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
    this.#free.push(identifier);
  }

  clear(): void {
    this.#free.length = 0;
    this.#highest = 0;
  }

  #next(): number | null {
    if (this.#highest === HIGHEST) return null;
    this.#highest += 1;
    return this.#highest;
  }
}

/**
 * PUBREL packets for all identifiers that an earlier connection of the session can have left unreleased
 * (MQTT-4.3.3). A broker takes what comes under one of them for a repetition, and mosquitto, which has
 * room for twenty, delivers nothing more once they are used up. It answers PUBCOMP in any case.
 */
export function releases(highest: number): Uint8Array {
  const packets = Buffer.alloc(highest * 4);
  for (let identifier = 1; identifier <= highest; identifier += 1) {
    const start = (identifier - 1) * 4;
    packets.set([0x62, 2], start);
    packets.writeUInt16BE(identifier, start + 2);
  }
  return packets;
}
