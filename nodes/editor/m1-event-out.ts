// The dialog of `m1 event out`: what of a message becomes an event, and of which device.
import { M1Error } from "../protocol/errors";
import { encodeEvent, shapeEvent } from "../protocol/event";
import { observedTime } from "../protocol/observed-time";
import { complete, type NumericText, numericText, qos } from "../protocol/settings";
import { timestamp } from "../protocol/timestamp";
import { topicLevel } from "../protocol/topic-level";
import { eventTopic } from "../protocol/topics";
import type { TypedValue } from "../runtime/last-message";
import { typedText } from "../runtime/typed-text";
import { connectionIdentity, currentValue, inputOf } from "./dialog";
import { explainedIfSet, hasVariable, shared } from "./explain";
import { offerKnownIds } from "./known-ids";
import { LastMessage } from "./last-message";
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
    offerDeviceIds(this);
    fillOnPaste($("#node-input-deviceId-value"), "deviceId", () =>
      currentValue(this, "deviceIdType") === "str" ? fieldsOf(this, ["deviceId"]) : {},
    );
    let last: LastMessage | undefined;
    const refresh = livePreview(
      {
        element: $("#m1-event-out-topic"),
        verdict: () => verdictOf(this, "deviceId"),
        lines: () => [previewTopic(this, last)],
      },
      {
        element: $("#m1-event-out-json"),
        verdict: () => firstProblem(this, ["eventData", "observedAt"]),
        lines: () => [previewEvent(this, last)],
      },
    );
    void LastMessage.of(this).then((known) => {
      last = known;
      refresh();
    });
  },
});

/** Only where one is typed: not where a property of the message is. */
function offerDeviceIds(node: EditedNode): void {
  const list = offerKnownIds(node, "device");
  const offer = () => {
    const isText = typedValue(node, "deviceId").type === "str";
    $("#node-input-deviceId-value").attr("list", isText ? list : null);
  };
  inputOf(node, "deviceId").on("change", offer);
  offer();
}

function firstProblem(node: EditedNode, properties: readonly string[]): Verdict {
  const verdicts = properties.map((property) => verdictOf(node, property));
  return verdicts.find((verdict) => verdict !== true) ?? true;
}

/** Where the event goes; what is not known is named in braces. */
function previewTopic(node: EditedNode, last: LastMessage | undefined): string {
  const input = typedValue(node, "deviceId");
  const { value, type } = input;
  const known = type === "str" ? { value } : last?.result("deviceId", input);
  if (type !== "str" && known && String(known.value ?? "").trim() === "") {
    throw new M1Error("INPUT_BLANK", { field: "deviceId", source: typedText(value, type) });
  }
  return eventTopic(connectionIdentity(node), known ? known.value : placeholder(value, type));
}

/** What goes there, of the data in the field, of the last message, or else of the example. */
function previewEvent(node: EditedNode, last: LastMessage | undefined): string {
  const data = typedValue(node, "eventData");
  const isFixed = data.type === "str" || data.type === "json";
  const source = isFixed ? undefined : last;
  const known = source?.result("eventData", data);
  $("#m1-event-out-example")
    .closest(".form-row")
    .toggle(!isFixed && !known);
  showSource(node, source, data);
  const event = shapeEvent(
    known ? known.value : exampleOf(data),
    String(currentValue(node, "tag")),
    previewNumbers(node),
  );
  return encodeEvent(event, {
    observedAt: previewTime(node, last),
    stream: String(currentValue(node, "stream")),
    addClientIp: currentValue(node, "addClientIp") === true,
  });
}

/** Which message the event is of, or why it is of none. */
function showSource(node: EditedNode, last: LastMessage | undefined, data: TypedValue): void {
  let words = "";
  if (last?.result("eventData", data)) words = node._("note.last", { time: last.time });
  else if (last?.isUntold("eventData", data)) words = node._("note.untold", { time: last.time });
  $("#m1-event-out-last")
    .text(words)
    .toggle(words !== "");
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

function previewTime(node: EditedNode, last: LastMessage | undefined): string | undefined {
  const input = typedValue(node, "observedAt");
  const { value, type } = input;
  if (type === "server") return undefined;
  if (type === "arrival") return timestamp(Date.now());
  if (type === "str" && !hasVariable(value)) return observedTime(value);
  const known = last?.result("observedAt", input);
  return known ? observedTime(known.value) : placeholder(value, type);
}

function typedValue(node: EditedNode, property: string): TypedValue {
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
