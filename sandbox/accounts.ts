// Who may log in to the sandbox (wire-contract: Authentication).
import { randomUUID } from "node:crypto";
import { parsePassword, parseUsername } from "../nodes/protocol/credentials";
import type { Identity } from "../nodes/protocol/topics";
import { utf8Text } from "../nodes/protocol/utf8";
import { Refused } from "./refusal";

/** What a user may do over REST; over MQTT all are alike (wire-contract: REST). */
export type Role = "basic" | "business" | "registration";

/** A user with one of its project's API keys. */
export interface Account extends Identity {
  readonly apiKey: string;
  readonly userPassword: string;
  /** What the user logs in to the REST API with; its MQTT id unless told. */
  readonly loginId?: string;
  /** `basic` unless told. */
  readonly role?: Role;
}

/** What the command, the demo and the examples log in with. The password holds a slash on purpose. */
export const DEMO_ACCOUNT: Account = {
  projectMqtt: "demo-project",
  userMqtt: "demo-user",
  apiKey: "DEMO0KEY",
  userPassword: "demo/password",
  loginId: "demo@example.com",
};

export function loginIdOf({ loginId, userMqtt }: Account): string {
  return loginId ?? userMqtt;
}

export function roleOf({ role }: Account): Role {
  return role ?? "basic";
}

export interface NewUser {
  readonly loginId: string;
  readonly userPassword: string;
}

/** A new user, with an MQTT ID of its own, has an account for each API key of its project. */
export function accountsOfNew(
  accounts: readonly Account[],
  projectMqtt: string,
  user: NewUser,
): Account[] {
  const ofProject = accounts.filter((account) => account.projectMqtt === projectMqtt);
  const apiKeys = new Set(ofProject.map(({ apiKey }) => apiKey));
  const userMqtt = randomUUID();
  return [...apiKeys].map((apiKey) => ({ projectMqtt, userMqtt, apiKey, ...user }));
}

/** The identity that username and password prove. Throws Refused, never with a secret in it. */
export function login(
  accounts: readonly Account[],
  username: string | undefined,
  password: Uint8Array | undefined,
): Identity {
  const candidates = accountsOf(accounts, username);
  if (password === undefined || password.length === 0) throw Refused.because("PASSWORD_MISSING");
  const secret = parsePassword(utf8Text(password) ?? "");
  if (!secret) throw Refused.because("PASSWORD_FORM");

  const details = { username: username ?? "" };
  const withKey = candidates.filter((account) => account.apiKey === secret.apiKey);
  if (withKey.length === 0) throw Refused.because("API_KEY_WRONG", details);
  const account = withKey.find((candidate) => candidate.userPassword === secret.userPassword);
  if (!account) throw Refused.because("USER_PASSWORD_WRONG", details);
  return { projectMqtt: account.projectMqtt, userMqtt: account.userMqtt };
}

/** A user may have several API keys, each in an account of its own. */
function accountsOf(accounts: readonly Account[], username: string | undefined): Account[] {
  if (!username) throw Refused.because("USERNAME_MISSING");
  const who = parseUsername(username);
  const ofUser = who && accounts.filter((account) => isOf(account, who));
  if (ofUser && ofUser.length > 0) return ofUser;
  // None of it is repeated: what was meant for the password may stand here.
  const parts = username.split("/");
  if (accounts.some(({ apiKey }) => parts.includes(apiKey))) {
    throw Refused.because("USERNAME_HOLDS_KEY");
  }
  if (!who) throw Refused.because("USERNAME_FORM");
  const { projectMqtt } = who;
  const hasProject = accounts.some((account) => account.projectMqtt === projectMqtt);
  if (!hasProject) throw Refused.because("PROJECT_UNKNOWN");
  throw Refused.because("USER_UNKNOWN", { projectMqtt });
}

function isOf(account: Account, who: Identity): boolean {
  return account.projectMqtt === who.projectMqtt && account.userMqtt === who.userMqtt;
}
