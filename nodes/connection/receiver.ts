// What comes in over a connection: it is handed to its subscribers, or held while a deploy exchanges them.
import type { IPublishPacket } from "mqtt";
import { excerpt, M1Error } from "../protocol/errors";
import type { Subscriptions } from "../subscriptions/subscriptions";
import type { UnreleasedMessages } from "./unreleased-messages";

export type ReceivedPacket = Pick<IPublishPacket, "topic" | "payload" | "qos" | "retain">;

/** mqtt.js acknowledges the message, and reads the next packet, when it is called without an error. */
type Acknowledge = (error?: Error) => void;

/** The connection that the receiver belongs to. */
export interface ReceiverOwner {
  /** False in the goodbye: what comes then is for the next session. */
  takesMessages(): boolean;
  /** A message has come by a filter that nobody wants any more. */
  synchronise(): void;
  /** Something has come on a topic that nobody can be meant by. */
  unexpectedTopic(error: M1Error, packet: ReceivedPacket): void;
}

export class Receiver {
  readonly #subscriptions: Subscriptions;
  readonly #owner: ReceiverOwner;
  #holdTimer: NodeJS.Timeout | undefined;
  /** What came while it holds: one message, as mqtt.js reads no further without its acknowledgement. */
  #held: { readonly packet: IPublishPacket; readonly acknowledge: Acknowledge } | undefined;
  readonly #unreleased: UnreleasedMessages;

  constructor(subscriptions: Subscriptions, unreleased: UnreleasedMessages, owner: ReceiverOwner) {
    this.#subscriptions = subscriptions;
    this.#unreleased = unreleased;
    this.#owner = owner;
  }

  get isHolding(): boolean {
    return this.#holdTimer !== undefined;
  }

  /** From now to `release`, for so many milliseconds at the most, messages wait unacknowledged. */
  hold(milliseconds: number, expired: () => void): void {
    this.#holdTimer ??= setTimeout(expired, milliseconds);
  }

  release(): void {
    clearTimeout(this.#holdTimer);
    this.#holdTimer = undefined;
    this.receiveOrphans();
    const held = this.#held;
    this.#held = undefined;
    if (held) this.receive(held.packet, held.acknowledge);
  }

  /** What was held comes again over the next connection. */
  disconnected(): void {
    this.#held = undefined;
  }

  /** What a broker has handed over that knows nothing of it any more; in a deploy it waits like all the rest. */
  receiveOrphans(): void {
    if (this.isHolding || !this.#owner.takesMessages()) return;
    for (const packet of this.#unreleased.takeOrphans()) this.#deliver(packet);
  }

  receive(packet: IPublishPacket, acknowledge: Acknowledge): void {
    if (this.isHolding) {
      this.#held = { packet, acknowledge };
    } else if (this.#owner.takesMessages()) {
      this.receiveOrphans();
      this.#deliver(packet);
      acknowledge();
    } else {
      // Unacknowledged, the broker sends it again in the next session.
      acknowledge(new Error("closing"));
    }
  }

  #deliver(packet: IPublishPacket): void {
    const { topic, qos, retain } = packet;
    const payload =
      typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    const outcome = this.#subscriptions.deliver({ topic, payload, qos, retain });
    if (outcome === "stale") this.#owner.synchronise();
    if (outcome !== "foreign") return;
    const error = new M1Error("ADDRESS_UNKNOWN", { topic: excerpt(topic, 120) });
    this.#owner.unexpectedTopic(error, packet);
  }
}
