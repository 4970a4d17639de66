// What `m1 device in` and `m1 group in` share: a subscription that becomes messages of the node.
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import type { M1Error } from "../protocol/errors";
import { decodePayload } from "../protocol/payload";
import * as check from "../protocol/settings";
import type { OwnRequest, SubscriptionRequest } from "../subscriptions/subscription-request";
import type { ReceivedMessage, Subscriber } from "../subscriptions/subscriptions";
import { finish } from "./finish";
import { problem } from "./problem";
import { Registration } from "./registration";
import { attempt, flagSetting, setting, warnOfSpaceAround } from "./settings";
import { answer, changedIds, type IdsProperty } from "./subscription-actions";

/** What is set at both types of node. */
export interface SubscriberConfig extends NodeDef {
  /** 1: messages to the node's input say what it receives; 0 without one. */
  inputs?: number;
  connection?: string;
  broadcast?: boolean;
  updateType?: string;
  datatype?: string;
  qos?: string;
}

interface SubscriberSettings {
  /** The IDs come by messages, not from the dialog. */
  readonly isSetByMessages: boolean;
  readonly request: SubscriptionRequest;
  readonly datatype: check.Datatype;
}

/** What is particular to a type of node. */
export interface OwnSettings {
  /** Where a message to the node's input has its IDs. */
  readonly property: IdsProperty;
  /**
   * Reads what is set at this type of node only; no IDs if these come by messages. Throws the M1Error of the first
   * setting that is not usable.
   */
  read(isSetByMessages: boolean): OwnRequest;
}

/** Enlists a receiving node until it is closed. One whose settings are not usable shows and tells that instead. */
export function startSubscriber(
  RED: NodeAPI,
  node: Node,
  config: SubscriberConfig,
  own: OwnSettings,
): void {
  const { value: settings, fault } = attempt(() => readSettings(config, own));
  const connectionId = config.connection ?? "";
  const { kind, ids } = settings?.request ?? { kind: "device", ids: [] };
  const field = kind === "device" ? "deviceId" : "groupId";
  for (const id of ids) warnOfSpaceAround(RED, node, id, field);
  const subscriber = settings && new SubscriberNode(RED, node, connectionId, settings);
  const registration =
    subscriber?.registration ?? new Registration(RED, node, connectionId, { fault });
  if (settings?.isSetByMessages === false) return;
  node.on("input", (msg, send, done) => {
    try {
      // Throws what is wrong with the node or its connection.
      registration.connection();
      subscriber?.act(msg, own.property, send);
      finish(RED, node, done);
    } catch (error) {
      finish(RED, node, done, error);
    }
  });
}

function readSettings(config: SubscriberConfig, own: OwnSettings): SubscriberSettings {
  const isSetByMessages = check.inputs(setting(config.inputs, "inputs", 0));
  return {
    isSetByMessages,
    request: {
      ...own.read(isSetByMessages),
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
  request: SubscriptionRequest;
  readonly registration: Registration;
  readonly #datatype: check.Datatype;
  readonly #node: Node;
  readonly #RED: NodeAPI;

  constructor(
    RED: NodeAPI,
    node: Node,
    connectionId: string,
    { request, datatype, isSetByMessages }: SubscriberSettings,
  ) {
    this.request = request;
    this.#datatype = datatype;
    this.#node = node;
    this.#RED = RED;
    const role = { subscriber: this, showsSubscriptions: isSetByMessages };
    this.registration = new Registration(RED, node, connectionId, role);
  }

  receive(message: ReceivedMessage): void {
    try {
      this.#node.send(flowMessage(message, this.#datatype));
    } catch (error) {
      this.#node.error(problem(this.#RED, error), flowMessage(message, "auto-detect"));
    }
  }

  refused(reason: M1Error | undefined): void {
    this.registration.refused(reason);
  }

  /** Does what a message asks for. Throws the M1Error of what is wrong with it. */
  act(msg: NodeMessage, property: IdsProperty, send: (answer: NodeMessage) => void): void {
    const ids = changedIds(this.request.ids, msg, property);
    if (ids !== this.request.ids) {
      this.request = { ...this.request, ids };
      this.registration.changed();
    }
    const reply = answer(ids, msg);
    if (reply) send(reply);
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
