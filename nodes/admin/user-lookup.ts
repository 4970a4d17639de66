// A user's MQTT ID from Medium One's REST API (wire-contract: REST). Logs in as that user, reads its
// record, and keeps nothing.
import { networkFailure } from "../connection/failure";
import { isLoopback } from "../protocol/broker-url";
import { checkApiKey, checkUserPassword } from "../protocol/credentials";
import { type ErrorCode, excerpt, M1Error } from "../protocol/errors";
import { topicLevel } from "../protocol/topic-level";

export interface UserLookup {
  /** `https://host`, with a port and a path if need be, `/v2` or not; `http://` on this computer only. */
  readonly restUrl: unknown;
  readonly loginId: unknown;
  readonly apiKey: unknown;
  readonly userPassword: unknown;
}

/** Milliseconds until both answers must be there. */
const DEADLINE = 10_000;

/** What an answer that is not 200 means. */
type Meanings = Readonly<Record<number, ErrorCode>>;

const LOGIN: Meanings = {
  400: "REST_LOGIN",
  401: "REST_LOGIN",
  403: "REST_USER_UNKNOWN",
  429: "REST_LIMITED",
};
const RECORD: Meanings = {
  401: "REST_FORBIDDEN",
  403: "REST_FORBIDDEN",
  404: "REST_USER_UNKNOWN",
  429: "REST_LIMITED",
};

/**
 * The MQTT ID of the user with that login id. Rejects with an M1Error: what is wrong with a field,
 * why the server cannot be reached, what its answer means, or REST_NO_ID.
 */
export async function lookUpUser(lookup: UserLookup, deadline = DEADLINE): Promise<string> {
  const base = parseRestUrl(lookup.restUrl);
  const loginId = checkLoginId(lookup.loginId);
  const login = {
    login_id: loginId,
    password: checkUserPassword(lookup.userPassword),
    api_key: checkApiKey(lookup.apiKey),
  };
  const signal = AbortSignal.timeout(deadline);
  const { cookie } = await ask(new URL("v2/login", base), LOGIN, loginId, {
    signal,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(login),
  });
  const record = new URL(`v2/users/${encodeURIComponent(loginId)}`, base);
  const { text } = await ask(record, RECORD, loginId, { signal, headers: { cookie } });
  return mqttId(text, loginId);
}

function parseRestUrl(value: unknown): URL {
  const text = String(value).trim();
  if (!URL.canParse(text)) throw new M1Error("REST_URL", { url: excerpt(text) });
  const url = new URL(text);
  if (url.username || url.password) throw new M1Error("URL_SECRET");
  const isLocal = isLoopback({ host: url.hostname.replace(/^\[|\]$/g, "") });
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)) {
    throw new M1Error("REST_URL", { url: excerpt(text) });
  }
  // The pages of Medium One and the sandbox write `…/v2`. Without the slash the last part of the path
  // would be replaced.
  url.pathname = `${url.pathname.replace(/\/(v2\/?)?$/, "")}/`;
  return url;
}

function checkLoginId(value: unknown): string {
  if (typeof value !== "string" || value === "") {
    throw new M1Error("CREDENTIAL_MISSING", { field: "loginId" });
  }
  return value;
}

interface Answer {
  readonly text: string;
  /** The cookies it sets, as a request sends them. */
  readonly cookie: string;
}

async function ask(
  url: URL,
  meanings: Meanings,
  loginId: string,
  request: RequestInit,
): Promise<Answer> {
  const server = { broker: url.origin, host: url.hostname };
  try {
    // Followed, a redirect could carry the password elsewhere.
    const response = await fetch(url, { ...request, redirect: "manual" });
    const { status, headers } = response;
    if (status !== 200) {
      throw new M1Error(meanings[status] ?? "REST_STATUS", { ...server, status, loginId });
    }
    const cookies = headers.getSetCookie().map((cookie) => cookie.replace(/;.*/s, ""));
    return { text: await response.text(), cookie: cookies.join("; ") };
  } catch (error) {
    if (error instanceof M1Error) throw error;
    const { name, cause = error } = error as Error;
    if (name === "TimeoutError") throw new M1Error("TIMED_OUT", server);
    throw networkFailure(cause, server);
  }
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
