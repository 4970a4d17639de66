// What `m1 device in` and `m1 group in` share: a subscription that becomes messages of the node.
import type { Node, NodeAPI } from "node-red";
import type { ReceivedMessage, Subscriber } from "../connection/subscriptions";
import type { Wish } from "../connection/wishes";
import type { M1Error } from "../protocol/errors";
import { decodePayload } from "../protocol/payload";
import type { Datatype } from "../protocol/settings";
import { Member } from "./member";
import { attempt } from "./settings";
import { toldError } from "./words";

export interface Reception {
  readonly wish: Wish;
  readonly datatype: Datatype;
}

/**
 * Enlists a receiving node until it is closed. `read` reads its settings and may throw an M1Error,
 * which the node then shows and tells instead of receiving.
 */
export function receive(
  RED: NodeAPI,
  node: Node,
  connectionId: string | undefined,
  read: () => Reception,
): void {
  const { value: reception, fault } = attempt(read);
  if (reception) new Receiver(RED, node, connectionId ?? "", reception);
  else new Member(RED, node, connectionId ?? "", { fault });
}

/** What each message needs lies in one object: with thousands of nodes, each step is a cache miss. */
class Receiver implements Subscriber {
  readonly wish: Wish;
  readonly #datatype: Datatype;
  readonly #node: Node;
  readonly #RED: NodeAPI;
  readonly #member: Member;

  constructor(RED: NodeAPI, node: Node, connectionId: string, { wish, datatype }: Reception) {
    this.wish = wish;
    this.#datatype = datatype;
    this.#node = node;
    this.#RED = RED;
    this.#member = new Member(RED, node, connectionId, { subscriber: this });
  }

  receive(message: ReceivedMessage): void {
    try {
      this.#node.send(flowMessage(message, this.#datatype));
    } catch (error) {
      this.#node.error(toldError(this.#RED, error), flowMessage(message, "auto-detect"));
    }
  }

  refused(reason: M1Error | undefined): void {
    this.#member.refused(reason);
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
