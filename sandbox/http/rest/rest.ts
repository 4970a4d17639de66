// The REST API, as far as the wire contract lists it: log in, look a user up, create one, send and
// read events.
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setImmediate as othersTurn } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { Hono } from "hono/tiny";
import { excerpt, M1Error } from "../../../nodes/protocol/errors";
import { utf8Text } from "../../../nodes/protocol/utf8";
import { type Account, loginIdOf, roleOf } from "../../cloud/accounts";
import type { AuthorizedEvent } from "../../cloud/authorization";
import type { Sandbox } from "../../sandbox";
import { bodyOf, formOf, kept, nameOf, textOf } from "../body";
import { Declined } from "../declined";
import { documents, eventListing, listed } from "./event-listing";
import { LoginSessions, SESSION_SECONDS } from "./login-sessions";
import { postedEvents } from "./posted-events";

const COOKIE = "session";
/** Events, between two turns of the event loop. */
const AT_ONCE = 200;
/** Bytes; wire-contract: REST. */
const LONGEST_POST = 10_000_000;
/** Characters. No page says what Medium One finds too simple. */
const SHORTEST_PASSWORD = 3;

interface Env {
  Bindings: HttpBindings;
}
type Call = Context<Env>;

/** `now` in milliseconds since 1970. */
export function restRoutes(sandbox: Sandbox, now: () => number = Date.now): Hono<Env> {
  const rest = new Rest(sandbox, new LoginSessions(now));
  return new Hono<Env>()
    .post("/login", (c) => rest.login(c))
    .post("/users", (c) => rest.create(c))
    .get("/users/:loginId", (c) => rest.user(c, c.req.param("loginId")))
    .get("/events/:stream/:loginId?", (c) => rest.list(c, c.req.param()))
    .post("/events/:stream/:loginId?", (c) => rest.store(c, c.req.param()));
}

interface EventsPath {
  readonly stream: string;
  readonly loginId?: string | undefined;
}

/** Throws Declined for what is not answered with success. */
class Rest {
  readonly #sandbox: Sandbox;
  readonly #sessions: LoginSessions;

  constructor(sandbox: Sandbox, sessions: LoginSessions) {
    this.#sandbox = sandbox;
    this.#sessions = sessions;
  }

  async login(c: Call): Promise<Response> {
    const form = await formOf(c.env.incoming);
    const loginId = textOf(form, "login_id");
    const password = textOf(form, "password");
    const apiKey = textOf(form, "api_key");
    const token = this.#sessions.open(this.#proven(loginId, password, apiKey));
    if ("no_cookies" in form || c.req.query("no_cookies") !== undefined) return c.json(token);
    setCookie(c, COOKIE, token, { maxAge: SESSION_SECONDS, httpOnly: true, sameSite: "Strict" });
    return c.json(true);
  }

  #proven(loginId: string, password: string, apiKey: string): Account {
    const named = this.#sandbox.accounts.filter((account) => loginIdOf(account) === loginId);
    // Not repeated: it may be a secret in the wrong place.
    if (named.length === 0) throw Declined.because(403, "LOGIN_ID_UNKNOWN");
    const details = { loginId: excerpt(loginId) };
    const withKey = named.filter((account) => account.apiKey === apiKey);
    if (withKey.length === 0) throw Declined.because(400, "LOGIN_KEY_WRONG", details);
    const account = withKey.find(({ userPassword }) => userPassword === password);
    if (!account) throw Declined.because(400, "LOGIN_PASSWORD_WRONG", details);
    return account;
  }

  /** Throws 401 SESSION_MISSING, also for a user who is no more. */
  #whoCalls(c: Call): Account {
    const token = c.req.query("token") ?? getCookie(c, COOKIE);
    const user = token === undefined ? undefined : this.#sessions.accountOf(token);
    // As it is now: the users may have been configured anew.
    const account = this.#sandbox.accounts.find(
      ({ projectMqtt, userMqtt, apiKey }) =>
        projectMqtt === user?.projectMqtt && userMqtt === user.userMqtt && apiKey === user.apiKey,
    );
    if (account) return account;
    throw Declined.because(401, "SESSION_MISSING");
  }

  // --- users ------------------------------------------------------------------------------------

  user(c: Call, loginId: string): Response {
    const caller = this.#whoCalls(c);
    const user = this.#visible(caller, loginId);
    if (user) return c.json({ login_id: loginIdOf(user), mqtt_id: user.userMqtt, disabled: false });
    throw Declined.because(403, "USER_FOREIGN", foreign(caller, loginId));
  }

  async create(c: Call): Promise<Response> {
    const caller = this.#whoCalls(c);
    const role = roleOf(caller);
    if (role === "basic") throw Declined.because(401, "ROLE", { role });
    const form = await formOf(c.env.incoming);
    const loginId = nameOf(form, "login_id");
    const userPassword = nameOf(form, "password");
    if (this.#sandbox.hasUser(caller.projectMqtt, loginId)) {
      throw Declined.because(403, "USER_EXISTS", { loginId: excerpt(loginId) });
    }
    if (userPassword.length < SHORTEST_PASSWORD) {
      throw Declined.because(400, "PASSWORD_SIMPLE", { limit: SHORTEST_PASSWORD });
    }
    try {
      this.#sandbox.addUser(caller.projectMqtt, { loginId, userPassword });
    } catch (error) {
      throw Declined.from(403, error);
    }
    return c.json({ login_id: loginId }, this.#sandbox.weather.createLater > 0 ? 202 : 200);
  }

  /** A basic user sees itself, a business user every basic user of its project too. */
  #visible(caller: Account, loginId: string): Account | undefined {
    if (loginId === loginIdOf(caller)) return caller;
    const user = this.#sandbox.accounts.find(
      (account) => account.projectMqtt === caller.projectMqtt && loginIdOf(account) === loginId,
    );
    return user && roleOf(caller) === "business" && roleOf(user) === "basic" ? user : undefined;
  }

  // --- events -----------------------------------------------------------------------------------

  /** Whose events are meant. */
  #ownerOf(c: Call, { loginId }: EventsPath): Account {
    const caller = this.#whoCalls(c);
    const role = roleOf(caller);
    if (role === "registration") throw Declined.because(401, "ROLE", { role });
    if (loginId === undefined) {
      if (role === "business") throw Declined.because(400, "LOGIN_ID_NEEDED");
      return caller;
    }
    const owner = this.#visible(caller, loginId);
    if (owner) return owner;
    throw Declined.because(401, "USER_FOREIGN", foreign(caller, loginId));
  }

  list(c: Call, path: EventsPath): Promise<Response> {
    const { projectMqtt, userMqtt } = this.#ownerOf(c, path);
    const own = this.#sandbox.events.filter(
      (event) =>
        event.stream === path.stream &&
        event.projectMqtt === projectMqtt &&
        event.userMqtt === userMqtt,
    );
    const events = listed(own, eventListing(c.req.query()));
    return jsonLines(c.env.outgoing, c.req.method === "HEAD" ? [] : documents(events));
  }

  /** All events of a body, or none of them. */
  async store(c: Call, path: EventsPath): Promise<Response> {
    const { projectMqtt, userMqtt } = this.#ownerOf(c, path);
    const { incoming } = c.env;
    const stream = kept(path.stream, "stream");
    const text = utf8Text(await bodyOf(incoming, LONGEST_POST, "BODY_TOO_LONG"));
    if (text === undefined) throw Declined.from(400, new M1Error("DATA_NOT_UTF8"));
    const events: AuthorizedEvent[] = [];
    for (const event of postedEvents(text, stream)) {
      events.push(event);
      if (events.length % AT_ONCE === 0) await othersTurn();
    }
    if (events.length === 0) throw Declined.because(400, "EVENTS_MISSING");
    const who = { projectMqtt, userMqtt };
    const address = incoming.socket.remoteAddress ?? "";
    const arrival = { who, clientId: "", address, qos: 1, dup: false } as const;
    for (const [index, event] of events.entries()) {
      this.#sandbox.store(event, arrival);
      await this.#sandbox.caughtUp();
      if (index % AT_ONCE === 0) await othersTurn();
    }
    return c.json(events.length);
  }
}

function foreign(caller: Account, loginId: string) {
  return { loginId: excerpt(loginId), self: loginIdOf(caller) };
}

/**
 * Each document is made once the client has taken those before it. By hand, on Node's own response:
 * of a stream that breaks off, hono's server prints the error, or answers with its words.
 */
async function jsonLines(response: ServerResponse, documents: Iterable<string>): Promise<Response> {
  response.writeHead(200, { "content-type": "application/json" });
  try {
    await pipeline(documents, response);
  } catch (error) {
    // A client that hung up is no fault.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
  return RESPONSE_ALREADY_SENT;
}
