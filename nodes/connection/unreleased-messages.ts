// QoS 2 messages that have come and are not released yet (MQTT-4.3.3): mqtt.js's store of them, which outlives
// connections. What the broker has handed over and forgotten, with its session, is nobody's but ours.
import { type IPublishPacket, type Packet, type PacketCallback, Store } from "mqtt";

export class UnreleasedMessages extends Store {
  readonly #messages = new Map<number, IPublishPacket>();
  /** Of sessions that the broker has lost, or does not know: no release will come for them. */
  #orphans: IPublishPacket[] = [];

  override put(packet: Packet, stored: () => void): this {
    const message = packet as IPublishPacket;
    const before = this.#messages.get(message.messageId ?? 0);
    // Another one under the same number: the broker there knows nothing of the first.
    if (before && !isRepetition(before, message)) this.#orphans.push(before);
    this.#messages.set(message.messageId ?? 0, message);
    stored();
    return this;
  }

  override get({ messageId = 0 }: Pick<Packet, "messageId">, found: PacketCallback): this {
    const packet = this.#messages.get(messageId);
    if (packet) found(undefined, packet);
    else found(new Error("missing packet"));
    return this;
  }

  override del(packet: Pick<Packet, "messageId">, deleted: PacketCallback): this {
    this.#messages.delete(packet.messageId ?? 0);
    deleted(undefined, packet as Packet);
    return this;
  }

  /** Of a client that ends, the messages stay. */
  override close(closed: () => void): void {
    closed();
  }

  /** The broker knows nothing of the session any more: the same numbers will mean other messages. */
  sessionLost(): void {
    this.#orphans.push(...this.#messages.values());
    this.#messages.clear();
  }

  /** What lost sessions have left, in the order in which it came; none is left then. */
  takeOrphans(): IPublishPacket[] {
    const orphans = this.#orphans;
    this.#orphans = [];
    return orphans;
  }
}

function isRepetition(one: IPublishPacket, other: IPublishPacket): boolean {
  return one.topic === other.topic && Buffer.from(one.payload).equals(Buffer.from(other.payload));
}
