// `m1 group in`: what Medium One sends to groups of the project, across its users.
import type { Node, NodeAPI, NodeDef } from "node-red";
import { M1Error } from "./protocol/errors";
import * as check from "./protocol/settings";
import { topicLevel } from "./protocol/topic-level";
import { flagSetting, setting } from "./runtime/settings";
import { type SubscriberSettings, startSubscriber } from "./runtime/subscriber-node";

interface GroupInConfig extends NodeDef {
  connection?: string;
  groups?: string[];
  broadcast?: boolean;
  updateType?: string;
  datatype?: string;
  qos?: string;
}

export = (RED: NodeAPI): void => {
  function M1GroupIn(this: Node, config: GroupInConfig): void {
    RED.nodes.createNode(this, config);
    startSubscriber(RED, this, config.connection, () => subscriberSettings(config));
  }

  RED.nodes.registerType("m1 group in", M1GroupIn);
};

function subscriberSettings(config: GroupInConfig): SubscriberSettings {
  const groups = (config.groups ?? []).map((group) =>
    topicLevel(setting(group, "groupId", ""), "groupId"),
  );
  const broadcast = flagSetting(config.broadcast, "broadcast", true);
  if (groups.length === 0 && !broadcast) throw new M1Error("GROUPS_EMPTY");
  return {
    request: {
      kind: "group",
      groups,
      updateType: check.updateType(setting(config.updateType, "updateType", "")),
      broadcast,
      qos: check.qos(setting(config.qos, "qos", "1")),
    },
    datatype: check.datatype(setting(config.datatype, "datatype", "auto-detect")),
  };
}
