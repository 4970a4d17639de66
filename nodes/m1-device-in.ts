// `m1 device in`: events and updates that Medium One sends to one device, or to any of the user's.
import type { Node, NodeAPI } from "node-red";
import { receive } from "./protocol/settings";
import { topicLevel } from "./protocol/topic-level";
import { replaceVariables, setting } from "./runtime/settings";
import { isSetByMessages, type SubscriberConfig, startSubscriber } from "./runtime/subscriber-node";
import type { DeviceRequest, Own } from "./subscriptions/subscription-request";

interface DeviceInConfig extends SubscriberConfig {
  deviceId?: string;
  receive?: string;
}

export = (RED: NodeAPI): void => {
  function M1DeviceIn(this: Node, stated: DeviceInConfig): void {
    RED.nodes.createNode(this, stated);
    const config = replaceVariables(RED, this, stated);
    startSubscriber(RED, this, config, { property: "deviceId", read: () => ownRequest(config) });
  }

  RED.nodes.registerType("m1 device in", M1DeviceIn);
};

function ownRequest(config: DeviceInConfig): Own<DeviceRequest> {
  return {
    kind: "device",
    ids: isSetByMessages(config) ? [] : [deviceIdOf(config)],
    receive: receive(setting(config.receive, "receive", "all")),
  };
}

function deviceIdOf({ deviceId }: DeviceInConfig): string {
  return topicLevel(setting(deviceId, "deviceId", ""), "deviceId", { emptyAllowed: true });
}
