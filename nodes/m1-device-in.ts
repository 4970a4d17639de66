// `m1 device in`: events and updates that Medium One sends to one device, or to any of the user's.
import type { Node, NodeAPI } from "node-red";
import { receive } from "./protocol/settings";
import { topicLevel } from "./protocol/topic-level";
import { replaceVariables, setting } from "./runtime/settings";
import { type SubscriberConfig, startSubscriber } from "./runtime/subscriber-node";
import type { DeviceRequest, Own } from "./subscriptions/subscription-request";

interface DeviceInConfig extends SubscriberConfig {
  deviceId?: string;
  receive?: string;
}

export = (RED: NodeAPI): void => {
  function M1DeviceIn(this: Node, stated: DeviceInConfig): void {
    RED.nodes.createNode(this, stated);
    const config = replaceVariables(RED, this, stated);
    const read = (isSetByMessages: boolean) => ownRequest(config, isSetByMessages);
    startSubscriber(RED, this, config, { property: "deviceId", read });
  }

  RED.nodes.registerType("m1 device in", M1DeviceIn);
};

function ownRequest(config: DeviceInConfig, isSetByMessages: boolean): Own<DeviceRequest> {
  return {
    kind: "device",
    ids: isSetByMessages ? [] : [deviceIdOf(config)],
    receive: receive(setting(config.receive, "receive", "all")),
  };
}

function deviceIdOf({ deviceId }: DeviceInConfig): string {
  return topicLevel(setting(deviceId, "deviceId", ""), "deviceId", { emptyAllowed: true });
}
