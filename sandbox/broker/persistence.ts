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

/** MQTT 3.1.1, 2.3.1: they have two bytes, and none is 0. */
export const MOST_IDS = 65_535;

/**
 * What a session without a subscription has in the place of one: aedes takes a session that has none
 * for none, and would say so in the CONNACK (MQTT-3.2.2-2). Nobody may subscribe to it.
 */
export const NO_SUBSCRIPTION = { topic: "$none", qos: 0 } as Subscription;

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
  /** By client ID, of those that have a session: a number that is new after each change of its subscriptions. */
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

  /** From now on there is a session under the client ID, whether it has subscriptions or not. */
  beginSession(id: string): void {
    if (!this.#revisions.has(id)) this.#revise(id);
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
    this.#revise(client.id);
    await super.addSubscriptions(client, subscriptions);
  }

  override async removeSubscriptions(client: Owner, filters: readonly string[]): Promise<void> {
    if (this.#revisions.has(client.id)) this.#revise(client.id);
    await super.removeSubscriptions(client, filters);
  }

  #revise(id: string): void {
    this.#revision += 1;
    this.#revisions.set(id, this.#revision);
  }

  override async subscriptionsByClient(client: Owner): Promise<Subscription[]> {
    const subscriptions = await super.subscriptionsByClient(client);
    const isBare = subscriptions.length === 0 && this.#revisions.has(client.id);
    return isBare ? [NO_SUBSCRIPTION] : subscriptions;
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

  /**
   * One copy for each client, however many of its filters match: as it gets one when it is there.
   * Its subscription was there before the message, so it is not told that this is retained (MQTT-3.3.1-9).
   */
  override async outgoingEnqueueCombi(
    to: readonly Recipient[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    for (const clientId of new Set(to.map((recipient) => recipient.clientId))) {
      const message = { ...packet, retain: false };
      this.#waiting.add({ clientId, message, packet: message });
    }
  }

  /**
   * What a new subscription brings waits for its acknowledgement, too; it has its id already. It takes the place of
   * the same topic's from an earlier subscription.
   */
  keepRetained(client: Owner, packet: AedesPublishPacket): void {
    const { id: clientId } = client;
    const message = { ...packet };
    const isSame = ({ retain, topic }: AedesPublishPacket) => retain && topic === packet.topic;
    const earlier = this.#find(client, (waiting) => isSame(waiting.message));
    if (earlier) this.#remove(earlier);
    this.#waiting.add({ clientId, message, packet: message });
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

  /** What has an id was sent before, which MQTT-3.3.1-1 has a PUBLISH tell. */
  override outgoingStream({ id }: Owner): Readable {
    const outgoing = this.#of(id).map(({ packet }) =>
      packet.cmd === "publish" ? { ...packet, dup: packet.messageId !== undefined } : packet,
    );
    return Readable.from(outgoing);
  }

  /**
   * Where a new connection of a session begins to count its messages, so that it is long until one
   * gets the id of another that still waits for its acknowledgement (MQTT-2.3.1-2). Undefined if
   * none waits: then it may begin anywhere.
   */
  firstMessageId(id: string): number | undefined {
    const taken = this.#of(id).flatMap(({ packet: { messageId } }) => messageId ?? []);
    return taken.length === 0 ? undefined : middleOfLongestRun(taken);
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
    this.beginSession(id);
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

/**
 * The id in the middle of the longest run of those that are not taken: what was sent before a kill, and is not known
 * any more, went on from the run's beginning.
 */
function middleOfLongestRun(taken: readonly number[]): number {
  const ascending = [...taken].sort((one, other) => one - other);
  const [lowest = 1] = ascending;
  let middle = 1;
  let longest = -1;
  for (const [index, id] of ascending.entries()) {
    // After the greatest id comes the least: they go round.
    const next = ascending[index + 1] ?? lowest + MOST_IDS;
    if (next - id > longest) {
      longest = next - id;
      middle = ((id + Math.ceil(longest / 2) - 1) % MOST_IDS) + 1;
    }
  }
  return middle;
}
