// A user's MQTT ID from Medium One's REST API (wire-contract: REST): logs in as that user and reads its record.
import { checkUserPassword } from "../protocol/credentials";
import { M1Error } from "../protocol/errors";
import { topicLevel } from "../protocol/topic-level";
import { DEADLINE, type Meanings, RestConversation, statedText } from "./rest-client";

export interface UserLookup {
  /** `https://host`, with a port and a path if need be, `/v2` or not; `http://` on this computer only. */
  readonly restUrl: unknown;
  readonly loginId: unknown;
  readonly apiKey: unknown;
  readonly userPassword: unknown;
}

const LOGIN: Meanings = { 400: "REST_LOGIN", 401: "REST_LOGIN", 403: "REST_USER_UNKNOWN" };
const RECORD: Meanings = {
  401: "REST_FORBIDDEN",
  403: "REST_FORBIDDEN",
  404: "REST_USER_UNKNOWN",
};

/**
 * The MQTT ID of the user with that login id. Rejects with an M1Error: what is wrong with a field,
 * why the server cannot be reached, what its answer means, or REST_NO_ID.
 */
export async function lookUpUser(lookup: UserLookup, deadline = DEADLINE): Promise<string> {
  const conversation = new RestConversation(lookup.restUrl, deadline);
  const loginId = statedText(lookup.loginId, "loginId");
  const password = checkUserPassword(lookup.userPassword);
  await conversation.login({ loginId, password, apiKey: lookup.apiKey }, LOGIN);
  const path = `users/${encodeURIComponent(loginId)}`;
  const record = await conversation.ask({ method: "GET", path, loginId, meanings: RECORD });
  return mqttId(record.text, loginId);
}

/** The public pages do not name the key; what is the project's is not the user's. */
function mqttId(record: string, loginId: string): string {
  try {
    const entries = Object.entries(JSON.parse(record) as object);
    const named = entries.filter(([key]) => /mqtt/i.test(key) && !/project/i.test(key));
    return topicLevel(named[0]?.[1], "userMqtt");
  } catch (cause) {
    throw new M1Error("REST_NO_ID", { loginId }, { cause });
  }
}
