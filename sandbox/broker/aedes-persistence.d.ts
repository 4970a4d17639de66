// What persistence.ts takes from aedes' store in memory, whose own types are not where an import finds them.
declare module "aedes-persistence/asyncPersistence.js" {
  import type { Readable } from "node:stream";
  import type { AedesPublishPacket, PubrelPacket, Subscription } from "aedes";

  class MemoryPersistence {
    addSubscriptions(
      client: MemoryPersistence.Owner,
      subscriptions: readonly Subscription[],
    ): Promise<void>;
    removeSubscriptions(client: MemoryPersistence.Owner, filters: readonly string[]): Promise<void>;
    createRetainedStream(filter: string): Readable;
    createRetainedStreamCombi(filters: readonly string[]): Readable;
    subscriptionsByClient(client: MemoryPersistence.Owner): Promise<Subscription[]>;
    cleanSubscriptions(client: MemoryPersistence.Owner): Promise<void>;

    outgoingEnqueue(to: MemoryPersistence.Recipient, packet: AedesPublishPacket): Promise<void>;
    outgoingEnqueueCombi(
      to: readonly MemoryPersistence.Recipient[],
      packet: AedesPublishPacket,
    ): Promise<void>;
    outgoingUpdate(
      client: MemoryPersistence.Owner,
      packet: MemoryPersistence.Outgoing,
    ): Promise<void>;
    outgoingClearMessageId(
      client: MemoryPersistence.Owner,
      packet: Pick<MemoryPersistence.Outgoing, "messageId">,
    ): Promise<MemoryPersistence.Outgoing | undefined>;
    outgoingStream(client: MemoryPersistence.Owner): Readable;

    incomingStorePacket(client: MemoryPersistence.Owner, packet: AedesPublishPacket): Promise<void>;
    /** Rejects if there is none. */
    incomingGetPacket(
      client: MemoryPersistence.Owner,
      packet: MemoryPersistence.Incoming,
    ): Promise<MemoryPersistence.Incoming>;
    incomingDelPacket(
      client: MemoryPersistence.Owner,
      packet: MemoryPersistence.Incoming,
    ): Promise<void>;
    cleanIncoming(client: MemoryPersistence.Owner): Promise<void>;
  }

  namespace MemoryPersistence {
    /** Of a client nothing but its id is looked at. */
    interface Owner {
      readonly id: string;
    }
    interface Recipient {
      readonly clientId: string;
    }
    type Incoming = Pick<AedesPublishPacket, "messageId">;
    /** At QoS 2 the PUBREL takes the place of its PUBLISH. */
    type Outgoing = AedesPublishPacket | PubrelPacket;
  }

  export = MemoryPersistence;
}
