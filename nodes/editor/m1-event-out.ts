// The dialog of `m1 event out`: what of a message becomes an event, and of which device.
import { M1Error } from "../protocol/errors";
import { encodeEvent, shapeEvent } from "../protocol/event";
import { observedTime } from "../protocol/observed-time";
import { complete, type NumericText, numericText, qos } from "../protocol/settings";
import { timestamp } from "../protocol/timestamp";
import { topicLevel } from "../protocol/topic-level";
import { eventTopic } from "../protocol/topics";
import { typedText } from "../runtime/typed-text";
import { connectionIdentity, currentValue } from "./dialog";
import { explainedIfSet, hasVariable, shared } from "./explain";
import { fieldsOf, fillOnPaste } from "./paste";
import { livePreview } from "./preview";
import { verdictOf } from "./problems";
import type { EditedNode, Verdict } from "./red";
import { labelStyle, startDialog } from "./start-dialog";
import { textType, typedField, typedFieldValidator, valuelessType } from "./typed-field";

interface Properties {
  name: string;
  connection: string;
  deviceId: string;
  deviceIdType: string;
  eventData: string;
  eventDataType: string;
  tag: string;
  numericText: string;
  observedAt: string;
  observedAtType: string;
  stream: string;
  addClientIp: boolean;
  qos: string;
  complete: string;
}

const PLACES = ["msg", "flow", "global"] as const;

RED.nodes.registerType<Properties>("m1 event out", {
  category: "Medium One",
  color: "#9DB8BF",
  icon: "m1-event-out.svg",
  align: "right",
  inputs: 1,
  outputs: 0,
  defaults: {
    name: { value: "" },
    connection: {
      value: "",
      type: "m1 connection",
      required: true,
      label: shared("label.connection"),
    },
    deviceId: {
      value: "",
      label: shared("label.deviceId"),
      validate: typedFieldValidator("deviceId", { str: checkDeviceId }),
    },
    deviceIdType: { value: "str" },
    eventData: {
      value: "payload",
      label: shared("label.eventData"),
      validate: typedFieldValidator("eventData", { json: checkJson }),
    },
    eventDataType: { value: "msg" },
    tag: { value: "value", validate: explainedIfSet(checkTag) },
    numericText: { value: "auto", validate: explainedIfSet(numericText) },
    observedAt: {
      value: "",
      label: shared("label.observedAt"),
      validate: typedFieldValidator("observedAt", { str: observedTime }),
    },
    observedAtType: { value: "arrival" },
    stream: { value: "" },
    addClientIp: { value: false },
    qos: { value: "1", validate: explainedIfSet(qos) },
    complete: { value: "delivered", validate: explainedIfSet(complete) },
  },
  paletteLabel: "m1 event out",
  label() {
    return this.name || typedText(this.deviceId, this.deviceIdType) || this.type;
  },
  labelStyle,
  inputLabels() {
    return this._("label.input");
  },
  oneditprepare() {
    startDialog(this);
    // In the order of Node-RED's own nodes.
    typedField(this, "deviceId", [...PLACES, textType(checkDeviceId), "jsonata", "env"]);
    typedField(this, "eventData", [...PLACES, "str", "json", "jsonata", "env"]);
    typedField(this, "observedAt", [
      valuelessType("arrival", this._("option.arrival"), "fa fa-clock-o"),
      valuelessType("server", this._("option.server"), "fa fa-cloud"),
      ...PLACES,
      textType(timestamp),
      "jsonata",
      "env",
    ]);
    fillOnPaste($("#node-input-deviceId-value"), "deviceId", () =>
      currentValue(this, "deviceIdType") === "str" ? fieldsOf(this, ["deviceId"]) : {},
    );
    livePreview(
      {
        element: $("#m1-event-out-topic"),
        verdict: () => verdictOf(this, "deviceId"),
        lines: () => [previewTopic(this)],
      },
      {
        element: $("#m1-event-out-json"),
        verdict: () => firstProblem(this, ["eventData", "observedAt"]),
        lines: () => [previewEvent(this)],
      },
    );
  },
});

function firstProblem(node: EditedNode, properties: readonly string[]): Verdict {
  const verdicts = properties.map((property) => verdictOf(node, property));
  return verdicts.find((verdict) => verdict !== true) ?? true;
}

/** Where the event goes; what only a message can tell is named in braces. */
function previewTopic(node: EditedNode): string {
  const { value, type } = typedValue(node, "deviceId");
  return eventTopic(connectionIdentity(node), type === "str" ? value : placeholder(value, type));
}

/** What goes there, of the data in the field or else of the example. */
function previewEvent(node: EditedNode): string {
  const data = typedValue(node, "eventData");
  const isFixed = data.type === "str" || data.type === "json";
  $("#m1-event-out-example").closest(".form-row").toggle(!isFixed);
  const event = shapeEvent(
    exampleOf(data),
    String(currentValue(node, "tag")),
    previewNumbers(node),
  );
  return encodeEvent(event, {
    observedAt: previewTime(node),
    stream: String(currentValue(node, "stream")),
    addClientIp: currentValue(node, "addClientIp") === true,
  });
}

function previewNumbers(node: EditedNode): NumericText {
  const setting = currentValue(node, "numericText");
  return hasVariable(setting) ? "auto" : numericText(setting);
}

/** The data that stands in the field, or else what the example holds. */
function exampleOf({ value, type }: { value: string; type: string }): unknown {
  if (type === "str") return value;
  if (type === "json") return parsed(value);
  const example = String($("#m1-event-out-example").val());
  const data = parsed(example);
  // A number as many devices send it: what becomes of such text is a setting.
  return typeof data === "number" ? example : data;
}

function previewTime(node: EditedNode): string | undefined {
  const { value, type } = typedValue(node, "observedAt");
  if (type === "server") return undefined;
  if (type === "arrival") return timestamp(Date.now());
  const isKnown = type === "str" && !hasVariable(value);
  return isKnown ? observedTime(value) : placeholder(value, type);
}

function typedValue(node: EditedNode, property: string): { value: string; type: string } {
  const type = currentValue(node, `${property}Type`);
  return { value: String(currentValue(node, property) ?? ""), type: String(type) };
}

function placeholder(value: string, type: string): string {
  const text = typedText(value, type);
  return text.startsWith("${") ? text : `{${text}}`;
}

/** What the text holds if it is JSON, or else the text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function checkDeviceId(text: string): string {
  return topicLevel(text, "deviceId", { emptyAllowed: true });
}

/** JSON that is no event whatever the tag, such as `null`. */
function checkJson(text: string): void {
  shapeEvent(JSON.parse(text), "value");
}

function checkTag(tag: unknown): void {
  if (tag === "") throw new M1Error("TAG_EMPTY");
}
