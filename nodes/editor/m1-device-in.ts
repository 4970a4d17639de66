// The dialog of `m1 device in`: which device's messages to receive, and as what.

import { datatype, qos, receive, updateType } from "../protocol/settings";
import { topicLevel } from "../protocol/topic-level";
import type { DeviceRequest, Own } from "../subscriptions/subscription-request";
import { currentValue, inputOf, revalidate, showRow } from "./dialog";
import { explained, explainedIfSet, hasVariable, shared } from "./explain";
import { isSetByMessages, showIdsUnlessByMessage } from "./inputs";
import { offerKnownIds } from "./known-ids";
import { fieldsOf, fillOnPaste } from "./paste";
import type { EditedNode } from "./red";
import { labelStyle, startDialog } from "./start-dialog";
import { previewTopics } from "./topics-preview";

interface Properties {
  name: string;
  connection: string;
  deviceId: string;
  receive: string;
  updateType: string;
  broadcast: boolean;
  datatype: string;
  qos: string;
  inputs: number;
}

RED.nodes.registerType<Properties>("m1 device in", {
  category: "Medium One",
  color: "#9DB8BF",
  icon: "m1-device-in.svg",
  inputs: 0,
  outputs: 1,
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
      validate(value, options) {
        if (isSetByMessages(this)) return true;
        return explainedIfSet((id) => id === "" || topicLevel(id, "deviceId")).call(
          this,
          value,
          options,
        );
      },
    },
    receive: { value: "all", validate: explainedIfSet(receive) },
    updateType: {
      value: "",
      validate(value, options) {
        // Events have no type: the field is hidden.
        if (currentValue(this, "receive") === "event") return true;
        return explained(updateType).call(this, value, options);
      },
    },
    broadcast: { value: true },
    datatype: { value: "auto-detect", validate: explainedIfSet(datatype) },
    qos: { value: "1", validate: explainedIfSet(qos) },
    inputs: { value: 0 },
  },
  paletteLabel: "m1 device in",
  label() {
    if (this.name) return this.name;
    if (this.inputs === 1) return shared("label.byMessage");
    return this.deviceId || this._("label.everyDevice");
  },
  labelStyle,
  inputLabels() {
    return shared("label.inputs");
  },
  outputLabels() {
    return this._("label.output");
  },
  oneditprepare() {
    startDialog(this);
    inputOf(this, "deviceId").attr("list", offerKnownIds(this, "device"));
    showIdsUnlessByMessage(this, inputOf(this, "deviceId").closest(".form-row"));
    const showUpdateType = () =>
      showRow(this, "updateType", currentValue(this, "receive") !== "event");
    inputOf(this, "receive").on("change", () => {
      showUpdateType();
      revalidate(this, "updateType");
    });
    showUpdateType();
    const fields = fieldsOf(this, ["deviceId", "receive", "updateType"]);
    fillOnPaste(inputOf(this, "deviceId"), "deviceId", () => fields);
    fillOnPaste(inputOf(this, "updateType"), "updateType", () => fields);
    previewTopics(this, () => ownRequest(this));
  },
});

function ownRequest(node: EditedNode): Own<DeviceRequest> {
  const receives = currentValue(node, "receive");
  return {
    kind: "device",
    ids: isSetByMessages(node)
      ? ["{msg.deviceId}"]
      : [topicLevel(currentValue(node, "deviceId"), "deviceId", { emptyAllowed: true })],
    receive: hasVariable(receives) ? "all" : receive(receives),
  };
}
