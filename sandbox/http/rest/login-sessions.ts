// Who is logged in to the REST API: by cookie or by token, for 24 hours (wire-contract: REST).
import { randomBytes } from "node:crypto";
import type { Account } from "../../cloud/accounts";

/** Seconds that a cookie or token is good for. */
export const SESSION_SECONDS = 24 * 60 * 60;
/** The oldest ends when there are more. */
const MOST_SESSIONS = 1000;

interface LoginSession {
  readonly account: Account;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

export class LoginSessions {
  readonly #sessions = new Map<string, LoginSession>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The token of a new session. */
  open(account: Account): string {
    const token = randomBytes(24).toString("base64url");
    this.#sessions.set(token, { account, endsAt: this.#now() + SESSION_SECONDS * 1000 });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MOST_SESSIONS && oldest) this.#sessions.delete(oldest);
    return token;
  }

  /** Whose token it is, as long as the session lasts. */
  accountOf(token: string): Account | undefined {
    const session = this.#sessions.get(token);
    if (!session) return undefined;
    if (session.endsAt > this.#now()) return session.account;
    this.#sessions.delete(token);
    return undefined;
  }
}
