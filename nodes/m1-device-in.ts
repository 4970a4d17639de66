// `m1 device in`: events and updates that Medium One sends to one device, or to any of the user's.
import type { Node, NodeAPI, NodeDef } from "node-red";
import * as check from "./protocol/settings";
import { topicLevel } from "./protocol/topic-level";
import { flagSetting, setting } from "./runtime/settings";
import { type SubscriberSettings, startSubscriber } from "./runtime/subscriber-node";

interface DeviceInConfig extends NodeDef {
  connection?: string;
  deviceId?: string;
  receive?: string;
  updateType?: string;
  broadcast?: boolean;
  datatype?: string;
  qos?: string;
}

export = (RED: NodeAPI): void => {
  function M1DeviceIn(this: Node, config: DeviceInConfig): void {
    RED.nodes.createNode(this, config);
    startSubscriber(RED, this, config.connection, () => subscriberSettings(config));
  }

  RED.nodes.registerType("m1 device in", M1DeviceIn);
};

function subscriberSettings(config: DeviceInConfig): SubscriberSettings {
  const deviceId = setting(config.deviceId, "deviceId", "");
  return {
    request: {
      kind: "device",
      deviceId: topicLevel(deviceId, "deviceId", { emptyAllowed: true }),
      receive: check.receive(setting(config.receive, "receive", "all")),
      updateType: check.updateType(setting(config.updateType, "updateType", "")),
      broadcast: flagSetting(config.broadcast, "broadcast", true),
      qos: check.qos(setting(config.qos, "qos", "1")),
    },
    datatype: check.datatype(setting(config.datatype, "datatype", "auto-detect")),
  };
}
