// What `m1 device in` and `m1 group in` share: a subscription that becomes messages of the node.
import type { Node, NodeAPI } from "node-red";
import type { M1Error } from "../protocol/errors";
import { decodePayload } from "../protocol/payload";
import type { Datatype } from "../protocol/settings";
import type { SubscriptionRequest } from "../subscriptions/subscription-request";
import type { ReceivedMessage, Subscriber } from "../subscriptions/subscriptions";
import { Registration } from "./registration";
import { attempt } from "./settings";
import { userError } from "./translate";

export interface SubscriberSettings {
  readonly request: SubscriptionRequest;
  readonly datatype: Datatype;
}

/**
 * Enlists a receiving node until it is closed. `read` reads its settings and may throw an M1Error,
 * which the node then shows and tells instead of receiving.
 */
export function startSubscriber(
  RED: NodeAPI,
  node: Node,
  connectionId: string | undefined,
  read: () => SubscriberSettings,
): void {
  const { value: reception, fault } = attempt(read);
  if (reception) new SubscriberNode(RED, node, connectionId ?? "", reception);
  else new Registration(RED, node, connectionId ?? "", { fault });
}

/** What each message needs lies in one object: with thousands of nodes, each step is a cache miss. */
class SubscriberNode implements Subscriber {
  readonly request: SubscriptionRequest;
  readonly #datatype: Datatype;
  readonly #node: Node;
  readonly #RED: NodeAPI;
  readonly #registration: Registration;

  constructor(
    RED: NodeAPI,
    node: Node,
    connectionId: string,
    { request, datatype }: SubscriberSettings,
  ) {
    this.request = request;
    this.#datatype = datatype;
    this.#node = node;
    this.#RED = RED;
    this.#registration = new Registration(RED, node, connectionId, { subscriber: this });
  }

  receive(message: ReceivedMessage): void {
    try {
      this.#node.send(flowMessage(message, this.#datatype));
    } catch (error) {
      this.#node.error(userError(this.#RED, error), flowMessage(message, "auto-detect"));
    }
  }

  refused(reason: M1Error | undefined): void {
    this.#registration.refused(reason);
  }
}

/** The flow's own, to change as it likes. */
function flowMessage({ payload, topic, qos, retain, address }: ReceivedMessage, type: Datatype) {
  return { payload: ownPayload(payload, type), topic, qos, retain, m1: { ...address } };
}

/** Never the received bytes themselves: other nodes share them, and a flow may write to its payload. */
function ownPayload(bytes: Buffer, datatype: Datatype): unknown {
  const payload = decodePayload(bytes, datatype);
  return payload === bytes ? Buffer.from(bytes) : payload;
}
