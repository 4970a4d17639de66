// Where the cloud's messages go: checked, and in the same words for workflows and for the console.
import { M1Error } from "../nodes/protocol/errors";
import { updateType as checkedUpdateType } from "../nodes/protocol/settings";
import { EVERYONE, topicLevel } from "../nodes/protocol/topic-level";
import { addressTopic, type Identity } from "../nodes/protocol/topics";

/** `_all` as device or group addresses every device of the user, or every group of its project. */
export type Recipient = Identity &
  (
    | { readonly kind: "event"; readonly deviceId: string }
    | { readonly kind: "update"; readonly deviceId: string; readonly updateType: string }
    | { readonly kind: "group"; readonly groupId: string; readonly updateType: string }
  );

/** Throws an M1Error for an address that is none. */
export function recipientTopic(to: Recipient): string {
  const { projectMqtt, userMqtt } = to;
  if (to.kind === "group") {
    const groupId = levelOrEveryone(to.groupId, "groupId");
    const updateType = requiredUpdateType(to.updateType);
    const broadcast = groupId === EVERYONE;
    return addressTopic({ kind: "group", projectMqtt, groupId, updateType, broadcast });
  }
  const deviceId = levelOrEveryone(to.deviceId, "deviceId");
  const device = { projectMqtt, userMqtt, deviceId, broadcast: deviceId === EVERYONE };
  if (to.kind === "event") return addressTopic({ kind: "event", ...device });
  const updateType = requiredUpdateType(to.updateType);
  return addressTopic({ kind: "update", ...device, updateType });
}

function levelOrEveryone(level: string, field: "deviceId" | "groupId"): string {
  return level === EVERYONE ? level : topicLevel(level, field);
}

/** Blank is "any" to a node's setting; the cloud must name one. */
function requiredUpdateType(updateType: string): string {
  if (updateType === "") throw new M1Error("LEVEL_EMPTY", { field: "updateType" });
  return checkedUpdateType(updateType);
}
