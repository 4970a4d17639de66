// Instead of mqtt.js's store of what is not acknowledged: the outbox holds that, and each connection
// begins without a memory of the one before.
import { type Packet, type PacketCallback, Store } from "mqtt";

export class EmptyStore extends Store {
  override put(_packet: Packet, stored: () => void): this {
    stored();
    return this;
  }

  override del(packet: Pick<Packet, "messageId">, deleted: PacketCallback): this {
    deleted(undefined, packet as Packet);
    return this;
  }
}
