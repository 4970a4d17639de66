// `m1 event out`: reads device id, data and time from a message, and hands the event to the connection.
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { systemClock } from "./outbox/clock";
import type { Done } from "./outbox/event";
import { arrivalClock } from "./protocol/arrival-clock";
import { type EventAttributes, encodeEvent, type ShapedEvent, shapeEvent } from "./protocol/event";
import { observedAtOf } from "./protocol/observed-at";
import { observedTime } from "./protocol/observed-time";
import { complete, type NumericText, numericText, type QoS, qos } from "./protocol/settings";
import { type Timestamp, timestamp } from "./protocol/timestamp";
import { topicLevel } from "./protocol/topic-level";
import { eventTopic } from "./protocol/topics";
import { finish } from "./runtime/finish";
import { type InputResults, LastMessage, type TypedValues } from "./runtime/last-message";
import { Registration } from "./runtime/registration";
import {
  attempt,
  flagSetting,
  replaceVariables,
  setting,
  textSetting,
  warnOfSpaceAround,
} from "./runtime/settings";
import { type TypedInput, typedInput } from "./runtime/typed-input";

interface EventOutConfig extends NodeDef {
  connection?: string;
  deviceId?: string;
  deviceIdType?: string;
  eventData?: string;
  eventDataType?: string;
  tag?: string;
  numericText?: string;
  observedAt?: string;
  observedAtType?: string;
  stream?: string;
  addClientIp?: boolean;
  qos?: string;
  complete?: string;
}

interface Arrival {
  readonly at: Timestamp;
  /** Of the system's clock: it may be set before the event is accepted. */
  readonly era: number;
}

/** One for the process: the stamps of all nodes are in the order of arrival. */
const arrivalTime = arrivalClock();

function arrival(): Arrival {
  systemClock.now();
  return { at: arrivalTime(), era: systemClock.era };
}

export = (RED: NodeAPI): void => {
  function M1EventOut(this: Node, config: EventOutConfig): void {
    RED.nodes.createNode(this, config);
    const { value: settings, fault } = attempt(() => readConfig(RED, this, config));
    const registration = new Registration(RED, this, config.connection ?? "", { fault });
    const send = settings && sender(RED, this, registration, settings);
    const { lastMessage } = Object.assign(this, {
      lastMessage: new LastMessage(typedValues(config)),
    });
    /** Settled when all messages so far have been read: one that takes long is not overtaken. */
    let earlier: Promise<void> = Promise.resolve();

    const sendNow = (send: Send, now: Settings, { msg, arrived, done }: Taken) => {
      try {
        const results = readNow(now, msg);
        lastMessage.came(msg, results);
        send(msg, results, arrived, done);
      } catch (error) {
        finish(RED, this, done, error);
      }
    };
    const sendInTurn = (send: Send, now: Settings, { msg, arrived, done }: Taken) => {
      const reading = outcome(promiseResults(now, msg));
      earlier = earlier
        .then(() => reading)
        .then((read) => {
          const results = read();
          lastMessage.came(msg, results);
          send(msg, results, arrived, done);
        })
        .catch((error: unknown) => finish(RED, this, done, error));
    };

    this.on("input", (msg, _send, done) => {
      const taken = { msg, arrived: arrival(), done };
      lastMessage.came(msg, undefined);
      if (!settings || !send) finish(RED, this, done, fault);
      else if (settings.immediate) sendNow(send, settings, taken);
      else sendInTurn(send, settings, taken);
    });
  }

  RED.nodes.registerType("m1 event out", M1EventOut);
};

/** The defaults are those of a flow that was written by hand. */
function typedValues(config: EventOutConfig): TypedValues {
  const { deviceId = "", deviceIdType = "str" } = config;
  const { eventData = "payload", eventDataType = "msg" } = config;
  const { observedAt = "", observedAtType = "arrival" } = config;
  return {
    deviceId: { value: deviceId, type: deviceIdType },
    eventData: { value: eventData, type: eventDataType },
    observedAt: { value: observedAt, type: observedAtType },
  };
}

interface Settings {
  readonly deviceId: TypedInput;
  /** Events may belong to no device. */
  readonly mayLackDevice: boolean;
  readonly data: TypedInput;
  readonly observedAt: TypedInput | "arrival" | "server";
  readonly tag: string;
  readonly numericText: NumericText;
  readonly attributes: EventAttributes;
  readonly qos: QoS;
  /** A message is done when its event is in the outbox. */
  readonly isDoneWhenStored: boolean;
  /** No input has to wait for its value. */
  readonly immediate: boolean;
}

/** Throws the M1Error of the first setting that is not usable. */
function readConfig(RED: NodeAPI, node: Node, stated: EventOutConfig): Settings {
  const config = replaceVariables(RED, node, stated);
  const { deviceId, eventData, observedAt } = typedValues(config);
  const inputs: Pick<Settings, "deviceId" | "data" | "observedAt"> = {
    deviceId: typedInput(RED, node, "deviceId", deviceId.value, deviceId.type),
    data: typedInput(RED, node, "eventData", eventData.value, eventData.type),
    observedAt:
      observedAt.type === "arrival" || observedAt.type === "server"
        ? observedAt.type
        : typedInput(RED, node, "observedAt", observedAt.value, observedAt.type),
  };
  // A fixed id or time that is wrong is wrong before the first message.
  if (deviceId.type === "str") {
    const id = topicLevel(deviceId.value, "deviceId", { emptyAllowed: true });
    warnOfSpaceAround(RED, node, id, "deviceId");
  }
  if (observedAt.type === "str") timestamp(observedAt.value);
  return {
    ...inputs,
    mayLackDevice: deviceId.type === "str",
    tag: textSetting(config.tag, "tag", "value"),
    numericText: numericText(setting(config.numericText, "numericText", "auto")),
    attributes: {
      stream: textSetting(config.stream, "stream"),
      addClientIp: flagSetting(config.addClientIp, "addClientIp", false),
    },
    qos: qos(setting(config.qos, "qos", "1")),
    isDoneWhenStored: complete(setting(config.complete, "complete", "delivered")) === "stored",
    immediate: Object.values(inputs).every((input) => typeof input === "string" || input.immediate),
  };
}

function readNow({ deviceId, data, observedAt }: Settings, msg: NodeMessage): InputResults {
  return {
    deviceId: deviceId.read(msg),
    eventData: data.read(msg),
    observedAt: typeof observedAt === "string" ? undefined : observedAt.read(msg),
  };
}

async function promiseResults(settings: Settings, msg: NodeMessage): Promise<InputResults> {
  const { observedAt } = settings;
  const [deviceId, eventData, time] = await Promise.all([
    settings.deviceId.promise(msg),
    settings.data.promise(msg),
    typeof observedAt === "string" ? undefined : observedAt.promise(msg),
  ]);
  return { deviceId, eventData, observedAt: time };
}

/** A promise of how to get the value, so that a failure waits for its turn like a value does. */
function outcome<T>(promise: Promise<T>): Promise<() => T> {
  return promise.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );
}

type NodeDone = (error?: Error) => void;

/** A message that has come. */
interface Taken {
  readonly msg: NodeMessage;
  readonly arrived: Arrival;
  readonly done: NodeDone;
}

type Send = (msg: NodeMessage, results: InputResults, arrived: Arrival, done: NodeDone) => void;

/** What Complete nodes learn of the event, as `msg.m1`. */
interface SentEvent {
  readonly topic: string;
  readonly observedAt?: Timestamp;
  readonly qos: QoS;
}

/** Hands events over. The function throws the M1Error of whatever the contract forbids. */
function sender(RED: NodeAPI, node: Node, registration: Registration, settings: Settings): Send {
  const { qos, isDoneWhenStored } = settings;
  const { stream, addClientIp } = settings.attributes;
  /** Nearly always the same device again: then waiting events share one text. */
  let latest: { readonly deviceId: unknown; readonly topic: string } | undefined;

  /** There may be one for each of a hundred thousand events that wait: it keeps nothing but what it needs. */
  const ending =
    (msg: NodeMessage, done: NodeDone, topic: string, hasTime: boolean): Done =>
    (error, sent) => {
      if (sent !== undefined) {
        tellSent(msg, { topic, ...(hasTime && { observedAt: observedAtOf(sent) }), qos });
      }
      finish(RED, node, done, error);
    };

  return (msg, results, arrived, nodeDone) => {
    const connection = registration.connection();
    const deviceId = settings.mayLackDevice
      ? results.deviceId
      : settings.deviceId.filled(msg, results.deviceId);
    const eventData = settings.data.required(msg, results.eventData);
    if (!latest || latest.deviceId !== deviceId) {
      latest = { deviceId, topic: eventTopic(connection.settings.identity, deviceId) };
    }
    const { topic } = latest;
    const event = shapeEvent(eventData, settings.tag, settings.numericText);
    const isStamped = event.observedAt === undefined && settings.observedAt === "arrival";
    const observedAt = isStamped ? arrived.at : statedTime(event, settings, msg, results);
    const payload = encodeEvent(event, { observedAt, stream, addClientIp });
    const stampedIn = isStamped ? arrived.era : undefined;
    const done = ending(msg, nodeDone, topic, observedAt !== undefined);
    connection.send({ topic, payload, qos, done, isDoneWhenStored, stampedIn });
  };
}

function tellSent(msg: NodeMessage, m1: SentEvent): void {
  // One that is frozen stays as it is.
  Reflect.set(msg, "m1", m1);
}

function statedTime(
  event: ShapedEvent,
  { observedAt: input }: Settings,
  msg: NodeMessage,
  results: InputResults,
): Timestamp | undefined {
  if (event.observedAt !== undefined) return event.observedAt;
  return typeof input === "string"
    ? undefined
    : observedTime(input.required(msg, results.observedAt));
}
