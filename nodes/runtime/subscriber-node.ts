// What `m1 device in` and `m1 group in` share: a subscription that becomes messages of the node.
import type { Node, NodeAPI, NodeDef } from "node-red";
import type { M1Error } from "../protocol/errors";
import { decodePayload } from "../protocol/payload";
import * as check from "../protocol/settings";
import type { OwnRequest, SubscriptionRequest } from "../subscriptions/subscription-request";
import type { ReceivedMessage, Subscriber } from "../subscriptions/subscriptions";
import { problem } from "./problem";
import { Registration } from "./registration";
import { attempt, flagSetting, setting } from "./settings";

/** What is set at both types of node. */
export interface SubscriberConfig extends NodeDef {
  connection?: string;
  broadcast?: boolean;
  updateType?: string;
  datatype?: string;
  qos?: string;
}

interface SubscriberSettings {
  readonly request: SubscriptionRequest;
  readonly datatype: check.Datatype;
}

/**
 * Enlists a receiving node until it is closed. `readOwn` reads what is set at this type of node only, and may
 * throw an M1Error, which the node then shows and tells instead of receiving.
 */
export function startSubscriber(
  RED: NodeAPI,
  node: Node,
  config: SubscriberConfig,
  readOwn: () => OwnRequest,
): void {
  const { value: settings, fault } = attempt(() => readSettings(config, readOwn()));
  const connectionId = config.connection ?? "";
  if (settings) new SubscriberNode(RED, node, connectionId, settings);
  else new Registration(RED, node, connectionId, { fault });
}

function readSettings(config: SubscriberConfig, own: OwnRequest): SubscriberSettings {
  return {
    request: {
      ...own,
      updateType: check.updateType(setting(config.updateType, "updateType", "")),
      broadcast: broadcastSetting(config),
      qos: check.qos(setting(config.qos, "qos", "1")),
    },
    datatype: check.datatype(setting(config.datatype, "datatype", "auto-detect")),
  };
}

/** Whether the node also receives what is sent to all. */
export function broadcastSetting({ broadcast }: SubscriberConfig): boolean {
  return flagSetting(broadcast, "broadcast", true);
}

/** What each message needs lies in one object: with thousands of nodes, each step is a cache miss. */
class SubscriberNode implements Subscriber {
  readonly request: SubscriptionRequest;
  readonly #datatype: check.Datatype;
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
      this.#node.error(problem(this.#RED, error), flowMessage(message, "auto-detect"));
    }
  }

  refused(reason: M1Error | undefined): void {
    this.#registration.refused(reason);
  }
}

/** The flow's own, to change as it likes. */
function flowMessage(
  { payload, topic, qos, retain, address }: ReceivedMessage,
  type: check.Datatype,
) {
  return { payload: ownPayload(payload, type), topic, qos, retain, m1: { ...address } };
}

/** Never the received bytes themselves: other nodes share them, and a flow may write to its payload. */
function ownPayload(bytes: Buffer, datatype: check.Datatype): unknown {
  const payload = decodePayload(bytes, datatype);
  return payload === bytes ? Buffer.from(bytes) : payload;
}
