// `m1 group in`: what Medium One sends to groups of the project, across its users.
import type { Node, NodeAPI } from "node-red";
import { M1Error } from "./protocol/errors";
import { topicLevel } from "./protocol/topic-level";
import { replaceVariables, setting } from "./runtime/settings";
import {
  broadcastSetting,
  type SubscriberConfig,
  startSubscriber,
} from "./runtime/subscriber-node";
import type { GroupRequest, Own } from "./subscriptions/subscription-request";

interface GroupInConfig extends SubscriberConfig {
  groups?: string[];
}

export = (RED: NodeAPI): void => {
  function M1GroupIn(this: Node, stated: GroupInConfig): void {
    RED.nodes.createNode(this, stated);
    const config = replaceVariables(RED, this, stated);
    const read = (isSetByMessages: boolean) => ownRequest(config, isSetByMessages);
    startSubscriber(RED, this, config, { property: "groups", read });
  }

  RED.nodes.registerType("m1 group in", M1GroupIn);
};

function ownRequest(config: GroupInConfig, isSetByMessages: boolean): Own<GroupRequest> {
  if (isSetByMessages) return { kind: "group", ids: [] };
  const ids = (config.groups ?? []).map((group) =>
    topicLevel(setting(group, "groupId", ""), "groupId"),
  );
  if (ids.length === 0 && !broadcastSetting(config)) throw new M1Error("GROUPS_EMPTY");
  return { kind: "group", ids };
}
