// Who may log in to the sandbox (wire-contract: Authentication).
import { randomUUID } from "node:crypto";
import { parsePassword, parseUsername } from "../../nodes/protocol/credentials";
import { type Identity, isSameUser } from "../../nodes/protocol/topics";
import { utf8Text } from "../../nodes/protocol/utf8";
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

/** Creates users over REST, and has no devices of its own. */
export const DEMO_REGISTRATION: Account = {
  projectMqtt: "demo-project",
  userMqtt: "demo-registration",
  apiKey: "DEMO0KEY",
  userPassword: "demo/registration",
  loginId: "registration@example.com",
  role: "registration",
};

export function loginIdOf({ loginId, userMqtt }: Pick<Account, "loginId" | "userMqtt">): string {
  return loginId ?? userMqtt;
}

export function roleOf({ role }: Account): Role {
  return role ?? "basic";
}

export interface NewUser {
  readonly loginId: string;
  readonly userPassword: string;
}

/** A user made over REST: of a project, whatever API keys that has. */
export interface AddedUser extends Identity, NewUser {}

/** With an MQTT ID of its own. */
export function addedUser(projectMqtt: string, user: NewUser): AddedUser {
  return { projectMqtt, userMqtt: randomUUID(), ...user };
}

/** One for each API key that the user's project has among the `accounts`. */
export function accountsOf(accounts: readonly Account[], user: AddedUser): Account[] {
  const ofProject = accounts.filter(({ projectMqtt }) => projectMqtt === user.projectMqtt);
  const apiKeys = new Set(ofProject.map(({ apiKey }) => apiKey));
  return [...apiKeys].map((apiKey) => ({ ...user, apiKey }));
}

/** The identity that username and password prove. Throws Refused, never with a secret in it. */
export function login(
  accounts: readonly Account[],
  username: string | undefined,
  password: Uint8Array | undefined,
): Identity {
  const candidates = accountsNamed(accounts, username);
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
function accountsNamed(accounts: readonly Account[], username: string | undefined): Account[] {
  if (!username) throw Refused.because("USERNAME_MISSING");
  const who = parseUsername(username);
  const ofUser = who && accounts.filter((account) => isSameUser(account, who));
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
