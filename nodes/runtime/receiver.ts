// What `m1 device in` and `m1 group in` share: a subscription that becomes messages of the node.
import type { Node, NodeAPI } from "node-red";
import type { ReceivedMessage } from "../connection/subscriptions";
import type { Wish } from "../connection/wishes";
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
  if (!reception) {
    new Member(RED, node, connectionId ?? "", { fault });
    return;
  }
  const member: Member = new Member(RED, node, connectionId ?? "", {
    subscriber: {
      wish: reception.wish,
      receive: (message) => pass(RED, node, message, reception.datatype),
      refused: (reason) => member.refused(reason),
    },
  });
}

function pass(RED: NodeAPI, node: Node, message: ReceivedMessage, datatype: Datatype): void {
  try {
    node.send(flowMessage(message, datatype));
  } catch (error) {
    node.error(toldError(RED, error), flowMessage(message, "auto-detect"));
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
