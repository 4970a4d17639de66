// The dialog of `m1 event out`: what of a message becomes an event, and of which device.
import { M1Error } from "../protocol/errors";
import { qos } from "../protocol/settings";
import { timestamp } from "../protocol/timestamp";
import { topicLevel } from "../protocol/topic-level";
import { openDialog } from "./dialog";
import { explainedIfSet, shared } from "./explain";
import { textType, typedField, typedFieldValidator, typedText, valuelessType } from "./typed-field";

interface Properties {
  name: string;
  connection: string;
  deviceId: string;
  deviceIdType: string;
  eventData: string;
  eventDataType: string;
  tag: string;
  observedAt: string;
  observedAtType: string;
  stream: string;
  addClientIp: boolean;
  qos: string;
}

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
      validate: typedFieldValidator("deviceId", checkDeviceId),
    },
    deviceIdType: { value: "str" },
    eventData: {
      value: "payload",
      label: shared("label.eventData"),
      validate: typedFieldValidator("eventData", anyText),
    },
    eventDataType: { value: "msg" },
    tag: { value: "value", validate: explainedIfSet(checkTag) },
    observedAt: {
      value: "",
      label: shared("label.observedAt"),
      validate: typedFieldValidator("observedAt", timestamp),
    },
    observedAtType: { value: "arrival" },
    stream: { value: "" },
    addClientIp: { value: false },
    qos: { value: "1", validate: explainedIfSet(qos) },
  },
  paletteLabel: "m1 event out",
  label() {
    return this.name || typedText(this.deviceId, this.deviceIdType) || this.type;
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  inputLabels() {
    return this._("label.input");
  },
  oneditprepare() {
    openDialog(this);
    typedField(this, "deviceId", [
      textType(checkDeviceId),
      "msg",
      "flow",
      "global",
      "env",
      "jsonata",
    ]);
    typedField(this, "eventData", ["msg", "flow", "global", "str", "json", "jsonata", "env"]);
    typedField(this, "observedAt", [
      valuelessType("arrival", this._("option.arrival"), "fa fa-clock-o"),
      valuelessType("server", this._("option.server"), "fa fa-cloud"),
      "msg",
      "flow",
      "global",
      textType(timestamp),
      "jsonata",
      "env",
    ]);
  },
});

function checkDeviceId(text: string): string {
  return topicLevel(text, "deviceId", { emptyAllowed: true });
}

function anyText(): void {
  // Whatever it is, it goes under the tag.
}

function checkTag(tag: unknown): void {
  if (tag === "") throw new M1Error("TAG_EMPTY");
}
