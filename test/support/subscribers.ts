// Subscribers that remember what they were told, and a wire that grants and refuses as a test says.

import type { M1Error } from "../../nodes/protocol/errors";
import type { QoS } from "../../nodes/protocol/settings";
import type { SubscriptionRequest } from "../../nodes/subscriptions/subscription-request";
import type {
  ReceivedMessage,
  Subscriber,
  SubscriptionWire,
} from "../../nodes/subscriptions/subscriptions";

export interface RememberingSubscriber extends Subscriber {
  readonly messages: ReceivedMessage[];
  /** The topics of `messages`. */
  readonly topics: string[];
  readonly refusals: (M1Error | undefined)[];
  /** Resolves once it has received so many messages in all. */
  upTo(count: number): Promise<readonly ReceivedMessage[]>;
}

export function subscriber(request: SubscriptionRequest): RememberingSubscriber {
  const messages: ReceivedMessage[] = [];
  const refusals: (M1Error | undefined)[] = [];
  const waiting = new Set<() => void>();
  return {
    request: request,
    messages,
    refusals,
    get topics() {
      return messages.map(({ topic }) => topic);
    },
    receive(message) {
      messages.push(message);
      for (const check of waiting) check();
    },
    refused(reason) {
      refusals.push(reason);
    },
    upTo(count) {
      return new Promise((resolve) => {
        const check = () => {
          if (messages.length < count) return;
          waiting.delete(check);
          resolve(messages);
        };
        waiting.add(check);
        check();
      });
    },
  };
}

/** Requests for the events and updates of one device, or of any. */
export function deviceRequest(
  deviceId: string,
  request: Partial<Extract<SubscriptionRequest, { kind: "device" }>> = {},
): SubscriptionRequest {
  return {
    kind: "device",
    ids: [deviceId],
    receive: "all",
    updateType: "",
    broadcast: false,
    qos: 1,
    ...request,
  };
}

export function groupRequest(
  ids: readonly string[],
  request: Partial<Extract<SubscriptionRequest, { kind: "group" }>> = {},
): SubscriptionRequest {
  return { kind: "group", ids, updateType: "", broadcast: false, qos: 1, ...request };
}

export class FakeWire implements SubscriptionWire {
  /** One line a packet: `+ 1/p/u/#:1` or `- 1/p/u/#`. */
  readonly packets: string[] = [];
  /** What the broker has granted. */
  readonly filters = new Map<string, QoS>();
  /** Filters that the broker turns down. */
  readonly refused = new Set<string>();
  /** Called before each answer; may keep it waiting, or throw as a lost connection would. */
  beforeAnswer: () => void | Promise<void> = () => undefined;

  async subscribe(filters: ReadonlyMap<string, QoS>): Promise<ReadonlyMap<string, number>> {
    this.packets.push(`+ ${[...filters].map(([filter, qos]) => `${filter}:${qos}`).join(" ")}`);
    await this.beforeAnswer();
    const codes = new Map<string, number>();
    for (const [filter, qos] of filters) {
      if (!this.refused.has(filter)) this.filters.set(filter, qos);
      codes.set(filter, this.refused.has(filter) ? 128 : qos);
    }
    return codes;
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    this.packets.push(`- ${filters.join(" ")}`);
    await this.beforeAnswer();
    for (const filter of filters) this.filters.delete(filter);
  }

  /** The packets since the last call. */
  take(): string[] {
    return this.packets.splice(0);
  }
}
