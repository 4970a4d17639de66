// `m1 event out`: reads device id, data and time from a message, and hands the event to the connection.
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { systemClock } from "./outbox/clock";
import type { Done } from "./outbox/event";
import { arrivalClock } from "./protocol/arrival-clock";
import type { M1Error } from "./protocol/errors";
import { type EventAttributes, encodeEvent, type ShapedEvent, shapeEvent } from "./protocol/event";
import { observedAtOf } from "./protocol/observed-at";
import { observedTime } from "./protocol/observed-time";
import { complete, type QoS, qos } from "./protocol/settings";
import { type Timestamp, timestamp } from "./protocol/timestamp";
import { topicLevel } from "./protocol/topic-level";
import { eventTopic } from "./protocol/topics";
import { finish } from "./runtime/finish";
import { Registration } from "./runtime/registration";
import { attempt, flagSetting, setting, textSetting } from "./runtime/settings";
import { type TypedInput, typedInput } from "./runtime/typed-input";

interface EventOutConfig extends NodeDef {
  connection?: string;
  deviceId?: string;
  deviceIdType?: string;
  eventData?: string;
  eventDataType?: string;
  tag?: string;
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
    const send = settings && sender(registration, settings);
    /** Settled when all messages so far have been read: one that takes long is not overtaken. */
    let earlier: Promise<void> = Promise.resolve();

    this.on("input", (msg, _send, done) => {
      const arrived = arrival();
      const end = (error?: unknown) => finish(RED, this, done, error);
      if (!settings || !send) {
        end(fault);
        return;
      }
      if (!settings.immediate) {
        const readings = outcome(promiseReadings(settings, msg));
        earlier = earlier
          .then(() => readings)
          .then((read) => send(msg, read(), arrived, end))
          .catch(end);
        return;
      }
      try {
        send(msg, readNow(settings, msg), arrived, end);
      } catch (error) {
        end(error);
      }
    });
  }

  RED.nodes.registerType("m1 event out", M1EventOut);
};

interface Settings {
  readonly deviceId: TypedInput;
  readonly data: TypedInput;
  readonly observedAt: TypedInput | "arrival" | "server";
  readonly tag: string;
  readonly attributes: EventAttributes;
  readonly qos: QoS;
  /** A message is done when its event is in the outbox. */
  readonly isDoneWhenStored: boolean;
  /** No input has to wait for its value. */
  readonly immediate: boolean;
}

/** What the typed inputs gave for one message. */
interface Readings {
  readonly deviceId: unknown;
  readonly data: unknown;
  readonly observedAt: unknown;
}

/** Throws the M1Error of the first setting that is not usable. */
function readConfig(RED: NodeAPI, node: Node, config: EventOutConfig): Settings {
  const { deviceId = "", deviceIdType = "str" } = config;
  const { eventData = "payload", eventDataType = "msg" } = config;
  const { observedAt = "", observedAtType = "arrival" } = config;
  const inputs: Pick<Settings, "deviceId" | "data" | "observedAt"> = {
    deviceId: typedInput(RED, node, "deviceId", deviceId, deviceIdType),
    data: typedInput(RED, node, "eventData", eventData, eventDataType),
    observedAt:
      observedAtType === "arrival" || observedAtType === "server"
        ? observedAtType
        : typedInput(RED, node, "observedAt", observedAt, observedAtType),
  };
  // A fixed id or time that is wrong is wrong before the first message.
  if (deviceIdType === "str") topicLevel(deviceId, "deviceId", { emptyAllowed: true });
  if (observedAtType === "str") timestamp(observedAt);
  return {
    ...inputs,
    tag: textSetting(config.tag, "tag", "value"),
    attributes: {
      stream: textSetting(config.stream, "stream"),
      addClientIp: flagSetting(config.addClientIp, "addClientIp", false),
    },
    qos: qos(setting(config.qos, "qos", "1")),
    isDoneWhenStored: complete(setting(config.complete, "complete", "delivered")) === "stored",
    immediate: Object.values(inputs).every((input) => typeof input === "string" || input.immediate),
  };
}

function readNow({ deviceId, data, observedAt }: Settings, msg: NodeMessage): Readings {
  return {
    deviceId: deviceId.read(msg),
    data: data.read(msg),
    observedAt: typeof observedAt === "string" ? undefined : observedAt.read(msg),
  };
}

async function promiseReadings(settings: Settings, msg: NodeMessage): Promise<Readings> {
  const { observedAt } = settings;
  const [deviceId, data, time] = await Promise.all([
    settings.deviceId.promise(msg),
    settings.data.promise(msg),
    typeof observedAt === "string" ? undefined : observedAt.promise(msg),
  ]);
  return { deviceId, data, observedAt: time };
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

type Send = (
  msg: NodeMessage,
  readings: Readings,
  arrived: Arrival,
  end: (error?: M1Error) => void,
) => void;

/** What Complete nodes learn of the event, as `msg.m1`. */
interface SentEvent {
  readonly topic: string;
  readonly observedAt?: Timestamp;
  readonly qos: QoS;
}

/** Hands events over. The function throws the M1Error of whatever the contract forbids. */
function sender(registration: Registration, settings: Settings): Send {
  const { qos, isDoneWhenStored } = settings;
  const { stream, addClientIp } = settings.attributes;
  /** Nearly always the same device again: then waiting events share one text. */
  let latest: { readonly deviceId: unknown; readonly topic: string } | undefined;

  return (msg, readings, arrived, end) => {
    const connection = registration.connection();
    const deviceId = settings.deviceId.required(msg, readings.deviceId);
    const data = settings.data.required(msg, readings.data);
    if (!latest || latest.deviceId !== deviceId) {
      latest = { deviceId, topic: eventTopic(connection.settings.identity, deviceId) };
    }
    const { topic } = latest;
    const event = shapeEvent(data, settings.tag);
    const isStamped = event.observedAt === undefined && settings.observedAt === "arrival";
    const observedAt = isStamped ? arrived.at : statedTime(event, settings, msg, readings);
    const payload = encodeEvent(event, { observedAt, stream, addClientIp });
    const stampedIn = isStamped ? arrived.era : undefined;
    const hasTime = observedAt !== undefined;
    const done: Done = (error, sent) => {
      if (sent !== undefined) {
        tellSent(msg, { topic, ...(hasTime && { observedAt: observedAtOf(sent) }), qos });
      }
      end(error);
    };
    connection.send({ topic, payload, qos, done, isDoneWhenStored, stampedIn });
  };
}

function tellSent(msg: NodeMessage, m1: SentEvent): void {
  Object.assign(msg, { m1 });
}

function statedTime(
  event: ShapedEvent,
  { observedAt: input }: Settings,
  msg: NodeMessage,
  readings: Readings,
): Timestamp | undefined {
  if (event.observedAt !== undefined) return event.observedAt;
  return typeof input === "string"
    ? undefined
    : observedTime(input.required(msg, readings.observedAt));
}
