// Who logs in: username, password and client id (wire-contract: Authentication, Identifiers).
import { M1Error } from "./errors";
import { type Identity, identity } from "./topics";

/** MQTT-3.1.3-5 leaves longer ids to the server; Medium One refuses them. */
export const LONGEST_CLIENT_ID = 32;

/** `<project_mqtt>/<user_mqtt>` */
export function username(identity: Identity): string {
  return `${identity.projectMqtt}/${identity.userMqtt}`;
}

/** The inverse of `username`; undefined for text of any other form. */
export function parseUsername(text: string): Identity | undefined {
  const [projectMqtt, userMqtt, ...rest] = text.split("/");
  if (rest.length > 0) return undefined;
  try {
    return identity(projectMqtt, userMqtt);
  } catch (error) {
    if (error instanceof M1Error) return undefined;
    throw error;
  }
}

/**
 * `<api_key>/<user_password>`. The first slash separates, so only the user password may contain one.
 * Throws CREDENTIAL_MISSING or API_KEY_SLASH, never with the secret in it.
 */
export function password(apiKey: unknown, userPassword: unknown): string {
  return `${checkApiKey(apiKey)}/${checkUserPassword(userPassword)}`;
}

/** Throws CREDENTIAL_MISSING or API_KEY_SLASH. */
export function checkApiKey(apiKey: unknown): string {
  if (typeof apiKey !== "string" || apiKey === "") {
    throw new M1Error("CREDENTIAL_MISSING", { field: "apiKey" });
  }
  const slash = apiKey.indexOf("/");
  if (slash >= 0) throw new M1Error("API_KEY_SLASH", { position: slash + 1 });
  return apiKey;
}

/** Throws CREDENTIAL_MISSING. */
export function checkUserPassword(userPassword: unknown): string {
  if (typeof userPassword !== "string" || userPassword === "") {
    throw new M1Error("CREDENTIAL_MISSING", { field: "userPassword" });
  }
  return userPassword;
}

/** The inverse of `password`; undefined if there is no slash or no API key before it. */
export function parsePassword(text: string): { apiKey: string; userPassword: string } | undefined {
  const slash = text.indexOf("/");
  if (slash < 1) return undefined;
  return { apiKey: text.slice(0, slash), userPassword: text.slice(slash + 1) };
}

/** Throws CLIENT_ID_TOO_LONG, CLIENT_ID_CHARACTER or LEVEL_EMPTY. */
export function checkClientId(clientId: string): string {
  if (clientId === "") throw new M1Error("LEVEL_EMPTY", { field: "clientId" });
  const characters = [...clientId];
  if (characters.length > LONGEST_CLIENT_ID) {
    throw new M1Error("CLIENT_ID_TOO_LONG", {
      length: characters.length,
      limit: LONGEST_CLIENT_ID,
    });
  }
  const position = characters.findIndex((character) => !/^[\x20-\x7e]$/.test(character)) + 1;
  if (position > 0) throw new M1Error("CLIENT_ID_CHARACTER", { position });
  return clientId;
}
