// A new device user, made by a registration user (wire-contract: REST): creates it, waits until it is there, and
// reads its MQTT ID as that user. The registration user's login is used for that and kept nowhere.
import { setTimeout as pause } from "node:timers/promises";
import { type ErrorCode, M1Error } from "../protocol/errors";
import { type Meanings, RestConversation, statedText } from "./rest-client";
import { lookUpUser, type UserLookup } from "./user-lookup";

export interface UserCreation {
  /** As of a look-up. */
  readonly restUrl: unknown;
  readonly apiKey: unknown;
  readonly registrationLoginId: unknown;
  readonly registrationPassword: unknown;
  readonly newLoginId: unknown;
  readonly newPassword: unknown;
}

/** `unread`: the user is made, but its MQTT ID could not be read. */
export type CreatedUser = { readonly userMqtt: string } | { readonly unread: M1Error };

/** Milliseconds between two looks for a user that is still to come, and until that is given up. */
const WAITING = { between: 2_000, most: 45_000 };

const REGISTRATION_LOGIN: Meanings = {
  400: "REST_REGISTRATION_LOGIN",
  401: "REST_REGISTRATION_LOGIN",
  403: "REST_USER_UNKNOWN",
};
const CREATION: Meanings = {
  400: "REST_USER_REFUSED",
  401: "REST_MAY_NOT_CREATE",
  403: "REST_NOT_CREATED",
};

/** What a server answers that has accepted a user and not made it yet, or is busy with that. */
const NOT_YET: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "REST_LOGIN",
  "REST_USER_UNKNOWN",
  "REST_NO_ID",
  "REST_LIMITED",
  "REST_UNAVAILABLE",
]);

/** Rejects with an M1Error as long as no user is made, as a look-up does. */
export async function createUser(creation: UserCreation, waiting = WAITING): Promise<CreatedUser> {
  const { restUrl, apiKey } = creation;
  const conversation = new RestConversation(restUrl);
  const registration = {
    loginId: statedText(creation.registrationLoginId, "registrationLoginId"),
    password: statedText(creation.registrationPassword, "registrationPassword"),
    apiKey,
  };
  const loginId = statedText(creation.newLoginId, "newLoginId");
  const password = statedText(creation.newPassword, "newPassword");
  await conversation.login(registration, REGISTRATION_LOGIN);
  const body = { login_id: loginId, password };
  const { status } = await conversation.ask({
    method: "POST",
    path: "users/",
    body,
    loginId,
    meanings: CREATION,
  });
  const lookup = { restUrl, loginId, apiKey, userPassword: password };
  try {
    const isThere = status === 200;
    return { userMqtt: await (isThere ? lookUpUser(lookup) : lookUpWhenThere(lookup, waiting)) };
  } catch (error) {
    if (error instanceof M1Error) return { unread: error };
    throw error;
  }
}

/** Rejects with REST_USER_PENDING if it takes too long. */
async function lookUpWhenThere(lookup: UserLookup, waiting: typeof WAITING): Promise<string> {
  const end = performance.now() + waiting.most;
  for (;;) {
    try {
      return await lookUpUser(lookup);
    } catch (error) {
      if (!(error instanceof M1Error && NOT_YET.has(error.code))) throw error;
      if (performance.now() + waiting.between > end) {
        throw new M1Error("REST_USER_PENDING", { loginId: String(lookup.loginId) });
      }
    }
    await pause(waiting.between);
  }
}
