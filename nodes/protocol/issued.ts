// What Medium One issues and people copy: with white space around it, it would only be "not authorised".
import { checkApiKey } from "./credentials";
import { refuseSpaceAround } from "./space-around";
import { topicLevel } from "./topic-level";

/** The MQTT ID of a project or user. Throws as `topicLevel`, or SPACE_BEFORE, SPACE_AFTER. */
export function issuedMqttId(value: unknown, field: "projectMqtt" | "userMqtt"): string {
  const id = topicLevel(value, field);
  refuseSpaceAround(id, field);
  return id;
}

/** Throws as `checkApiKey`, or SPACE_BEFORE, SPACE_AFTER. */
export function issuedApiKey(value: unknown): string {
  const apiKey = checkApiKey(value);
  refuseSpaceAround(apiKey, "apiKey");
  return apiKey;
}
