// Where the cloud's messages go: checked, and in the same words for workflows and for the console.
import { M1Error } from "../../nodes/protocol/errors";
import { updateType as checkedUpdateType } from "../../nodes/protocol/settings";
import { EVERYONE, topicLevel } from "../../nodes/protocol/topic-level";
import { addressTopic, type Identity } from "../../nodes/protocol/topics";
import { checkName } from "./names";

/** `_all` as device or group addresses every device of the user, or every group of its project. */
export type Recipient = Identity &
  (
    | { readonly kind: "event"; readonly deviceId: string }
    | { readonly kind: "update"; readonly deviceId: string; readonly updateType: string }
    | { readonly kind: "group"; readonly groupId: string; readonly updateType: string }
  );

/** Throws an M1Error for an address that is none, and Refused for one of names that are too long. */
export function recipientTopic(to: Recipient): string {
  const { projectMqtt, userMqtt } = to;
  if (to.kind === "group") {
    const groupId = recipientLevel(to.groupId, "groupId");
    const updateType = sentUpdateType(to.updateType);
    const broadcast = groupId === EVERYONE;
    return addressTopic({ kind: "group", projectMqtt, groupId, updateType, broadcast });
  }
  const deviceId = recipientLevel(to.deviceId, "deviceId");
  const device = { projectMqtt, userMqtt, deviceId, broadcast: deviceId === EVERYONE };
  if (to.kind === "event") return addressTopic({ kind: "event", ...device });
  const updateType = sentUpdateType(to.updateType);
  return addressTopic({ kind: "update", ...device, updateType });
}

/** Throws an M1Error for what is neither a topic level nor `_all`, and Refused if it is too long. */
export function recipientLevel(level: string, field: "deviceId" | "groupId"): string {
  checkName(level, field === "deviceId" ? "device ID" : "group ID");
  return level === EVERYONE ? level : topicLevel(level, field);
}

/** Blank is "any" to a node's setting; the cloud must name one. Throws an M1Error, or Refused if it is too long. */
export function sentUpdateType(updateType: string): string {
  if (updateType === "") throw new M1Error("LEVEL_EMPTY", { field: "updateType" });
  checkName(updateType, "update type");
  return checkedUpdateType(updateType);
}
