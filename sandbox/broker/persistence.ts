// What outlives a connection: sessions and retained messages, kept in memory as aedes does it, but for
// the messages that wait for clients. Those are one list, whose oldest give way when there are too many.
/// <reference path="./aedes-persistence.d.ts" />
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { AedesPublishPacket, Subscription } from "aedes";
import MemoryPersistence from "aedes-persistence/asyncPersistence.js";
import { MESSAGES_WEIGHT, MOST_UNRELEASED, messageWeight } from "../bounds";
import { History } from "../cloud/history";
import { Refused } from "../cloud/refusal";

type Owner = MemoryPersistence.Owner;
type Recipient = MemoryPersistence.Recipient;
type Outgoing = MemoryPersistence.Outgoing;
type Incoming = MemoryPersistence.Incoming;

/** A message that its client has not acknowledged, and has perhaps not been sent. */
export interface Waiting {
  readonly clientId: string;
  readonly message: AedesPublishPacket;
  /** The message as it is sent, or the PUBREL in its place; never changed, but replaced. */
  packet: Outgoing;
}

/** Of one client; the ids are of messages at QoS 2 that came and are not released. */
export interface StoredSession {
  readonly subscriptions: readonly Subscription[];
  readonly unreleased: readonly number[];
}

export interface PersistenceOptions {
  /** How many messages may wait. */
  readonly limit: number;
  /** A message had to give way, the first since no more than half as much waited, by either bound. */
  readonly overflowed: (clientId: string, topic: string) => void;
  /** False for a client that was turned away: a session is none of its business. */
  readonly isLetIn: (client: object) => boolean;
  /** Whether a new subscription to it brings what is retained. */
  readonly retainsFor: (filter: string) => boolean;
  /** A session is no more: its client asked for none, or it had to go. */
  readonly ended: (clientId: string) => void;
}

export class Persistence extends MemoryPersistence {
  readonly #waiting: History<Waiting>;
  /** By client ID, the ids of messages at QoS 2 that came and are not released. */
  readonly #unreleased = new Map<string, Set<number>>();
  /** By client ID, of those that have subscriptions: a number that is new after each change of them. */
  readonly #revisions = new Map<string, number>();
  #revision = 0;
  /** The filters of a packet that are stored already. */
  readonly #stored = new WeakSet<readonly Subscription[]>();
  readonly #limit: number;
  readonly #isLetIn: PersistenceOptions["isLetIn"];
  readonly #ended: PersistenceOptions["ended"];
  readonly #retainsFor: PersistenceOptions["retainsFor"];
  #isOverflowing = false;

  constructor({ limit, overflowed, isLetIn, ended, retainsFor }: PersistenceOptions) {
    super();
    this.#isLetIn = isLetIn;
    this.#ended = ended;
    this.#retainsFor = retainsFor;
    this.#limit = limit;
    this.#waiting = new History<Waiting>({
      items: limit,
      weight: MESSAGES_WEIGHT,
      weigh: ({ message }) => messageWeight(message),
      forgotten: ({ clientId, message }) => {
        if (!this.#isOverflowing) overflowed(clientId, message.topic);
        this.#isOverflowing = true;
      },
    });
  }

  /** Forgets a session, as if its client had asked for a clean one. */
  async endSession(id: string): Promise<void> {
    for (const waiting of this.#of(id)) this.#remove(waiting);
    this.#unreleased.delete(id);
    await this.cleanSubscriptions({ id });
  }

  /** aedes stores all filters of a packet, the same list, once for each that is granted. */
  override async addSubscriptions(
    client: Owner,
    subscriptions: readonly Subscription[],
  ): Promise<void> {
    if (this.#stored.has(subscriptions)) return;
    this.#stored.add(subscriptions);
    this.#revise(client);
    await super.addSubscriptions(client, subscriptions);
  }

  override async removeSubscriptions(client: Owner, filters: readonly string[]): Promise<void> {
    if (this.#revisions.has(client.id)) this.#revise(client);
    await super.removeSubscriptions(client, filters);
  }

  #revise({ id }: Owner): void {
    this.#revision += 1;
    this.#revisions.set(id, this.#revision);
  }

  override async cleanSubscriptions(client: Owner): Promise<void> {
    this.#revisions.delete(client.id);
    await super.cleanSubscriptions(client);
    this.#ended(client.id);
  }

  /** For thousands of filters this takes seconds, in which others have their turns. */
  override createRetainedStreamCombi(filters: readonly string[]): Readable {
    const retained = (filter: string) => super.createRetainedStream(filter);
    const retaining = filters.filter((filter) => this.#retainsFor(filter));
    async function* oneByOne(): AsyncGenerator {
      for (const filter of retaining) {
        yield* retained(filter);
        await turn();
      }
    }
    return Readable.from(oneByOne());
  }

  /** One copy for each client, however many of its filters match: as it gets one when it is there. */
  override async outgoingEnqueueCombi(
    to: readonly Recipient[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    for (const clientId of new Set(to.map((recipient) => recipient.clientId))) {
      const message = { ...packet };
      this.#waiting.add({ clientId, message, packet: message });
    }
  }

  override outgoingEnqueue(to: Recipient, packet: AedesPublishPacket): Promise<void> {
    return this.outgoingEnqueueCombi([to], packet);
  }

  /** A PUBLISH gets the id that it is sent with; a PUBREL takes the place of its PUBLISH. */
  override async outgoingUpdate(client: Owner, packet: Outgoing): Promise<void> {
    const waiting = this.#find(client, ({ message, packet: { messageId } }) =>
      packet.cmd === "publish"
        ? message.brokerId === packet.brokerId && message.brokerCounter === packet.brokerCounter
        : messageId === packet.messageId,
    );
    // One that had to give way goes out all the same, but will not be repeated.
    if (!waiting) return;
    const { messageId = 0 } = packet;
    waiting.packet = packet.cmd === "pubrel" ? packet : { ...waiting.message, messageId };
  }

  /** Resolves with what its client has acknowledged, or is not to have. */
  override async outgoingClearMessageId(
    client: Owner,
    { messageId }: Pick<Outgoing, "messageId">,
  ): Promise<Outgoing | undefined> {
    // Without an id it is what another filter brought along: the one copy is still on its way.
    if (messageId === undefined) return undefined;
    const waiting = this.#find(client, ({ packet }) => packet.messageId === messageId);
    if (waiting) this.#remove(waiting);
    return waiting?.packet;
  }

  override outgoingStream({ id }: Owner): Readable {
    return Readable.from(this.#of(id).map(({ packet }) => packet));
  }

  /**
   * That a message at QoS 2 came is all that must be known, to tell when it comes again.
   * Rejects with Refused UNRELEASED_FULL when its client has begun more than it finished.
   */
  override async incomingStorePacket(
    client: Owner,
    { messageId = 0 }: AedesPublishPacket,
  ): Promise<void> {
    const unreleased = this.#unreleased.get(client.id) ?? new Set();
    const limit = MOST_UNRELEASED;
    if (unreleased.size >= limit) throw Refused.because("UNRELEASED_FULL", { limit });
    this.#unreleased.set(client.id, unreleased.add(messageId));
  }

  override async incomingGetPacket({ id }: Owner, packet: Incoming): Promise<Incoming> {
    if (this.#unreleased.get(id)?.has(packet.messageId ?? 0)) return packet;
    throw new RangeError(`No message ${packet.messageId} waits for its PUBREL`);
  }

  override async incomingDelPacket({ id }: Owner, { messageId = 0 }: Incoming): Promise<void> {
    const unreleased = this.#unreleased.get(id);
    unreleased?.delete(messageId);
    if (unreleased?.size === 0) this.#unreleased.delete(id);
  }

  /** aedes asks for it when any connection ends that wanted no session, whoever has the client ID. */
  override async cleanIncoming(client: Owner): Promise<void> {
    if (this.#isLetIn(client)) this.#unreleased.delete(client.id);
  }

  // --- what is kept of it over a restart -----------------------------------------------------

  /** Another text after each change of the session. */
  versionOf(id: string): string {
    return `${this.#revisions.get(id)} ${[...(this.#unreleased.get(id) ?? [])].join()}`;
  }

  async sessionOf(id: string): Promise<StoredSession> {
    const subscriptions = await super.subscriptionsByClient({ id });
    return { subscriptions, unreleased: [...(this.#unreleased.get(id) ?? [])] };
  }

  async restoreSession(id: string, { subscriptions, unreleased }: StoredSession): Promise<void> {
    if (subscriptions.length > 0) await this.addSubscriptions({ id }, subscriptions);
    if (unreleased.length > 0) this.#unreleased.set(id, new Set(unreleased));
  }

  /** Oldest first. */
  get waiting(): readonly Waiting[] {
    return this.#waiting.items;
  }

  restoreWaiting(waiting: Waiting): void {
    this.#waiting.add(waiting);
  }

  #remove(waiting: Waiting): void {
    this.#waiting.remove(waiting);
    const { items, weight } = this.#waiting;
    const isHalfEmpty = items.length < this.#limit / 2 && weight < MESSAGES_WEIGHT / 2;
    if (isHalfEmpty) this.#isOverflowing = false;
  }

  #of(id: string): Waiting[] {
    return this.#waiting.items.filter(({ clientId }) => clientId === id);
  }

  #find({ id }: Owner, matches: (waiting: Waiting) => boolean): Waiting | undefined {
    return this.#waiting.items.find((waiting) => waiting.clientId === id && matches(waiting));
  }
}
