// The REST API, as far as the wire contract lists it: log in, look a user up, create one, send and
// read events.
import { setImmediate as othersTurn } from "node:timers/promises";
import { excerpt, M1Error } from "../../../nodes/protocol/errors";
import { decodeEvent } from "../../../nodes/protocol/event";
import { utf8Text } from "../../../nodes/protocol/utf8";
import { type Account, loginIdOf, roleOf } from "../../cloud/accounts";
import type { AuthorizedEvent } from "../../cloud/authorization";
import type { StoredEvent } from "../../cloud/stored-event";
import type { Sandbox } from "../../sandbox";
import {
  type Answer,
  bodyOf,
  type Call,
  checkKept,
  Declined,
  json,
  jsonLines,
  methodOf,
  nameOf,
  objectOf,
  type Streaming,
  textOf,
  unknownPath,
} from "../exchange";
import { eventListing, listed } from "./event-listing";
import { LoginSessions, SESSION_SECONDS } from "./login-sessions";

const COOKIE = "session";
/** Events, between two turns of the event loop: a body of 10 MB holds half a million. */
const AT_ONCE = 200;
/** Bytes; wire-contract: REST. */
const LONGEST_POST = 10_000_000;
/** Characters. No page says what Medium One finds too simple. */
const SHORTEST_PASSWORD = 3;

export class Rest {
  readonly #sandbox: Sandbox;
  readonly #sessions: LoginSessions;

  /** `now` in milliseconds since 1970. */
  constructor(sandbox: Sandbox, now: () => number = Date.now) {
    this.#sandbox = sandbox;
    this.#sessions = new LoginSessions(now);
  }

  /** Throws Declined for what is not answered with success. */
  async answer(call: Call): Promise<Answer | Streaming> {
    const [, collection, first, second, ...rest] = call.path;
    if (rest.length > 0) throw unknownPath(call);
    if (collection === "login" && first === undefined) return this.#login(call);
    if (collection === "users" && second === undefined) return this.#users(call, first);
    if (collection === "events" && first) return this.#events(call, first, second);
    throw unknownPath(call);
  }

  async #login(call: Call): Promise<Answer> {
    methodOf(call, "POST");
    const body = await objectOf(call);
    const loginId = textOf(body, "login_id");
    const password = textOf(body, "password");
    const apiKey = textOf(body, "api_key");
    const token = this.#sessions.open(this.#proven(loginId, password, apiKey));
    if ("no_cookies" in body || call.query.has("no_cookies")) return json(token);
    const attributes = `Path=/; Max-Age=${SESSION_SECONDS}; HttpOnly; SameSite=Strict`;
    const answer = json(true);
    return {
      ...answer,
      headers: { ...answer.headers, "set-cookie": `${COOKIE}=${token}; ${attributes}` },
    };
  }

  #proven(loginId: string, password: string, apiKey: string): Account {
    const { accounts } = this.#sandbox;
    const named = accounts.filter((account) => loginIdOf(account) === loginId);
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
  #whoCalls({ request, query }: Call): Account {
    const cookies = (request.headers.cookie ?? "").split(/; */);
    const cookie = cookies.find((candidate) => candidate.startsWith(`${COOKIE}=`));
    const token = query.get("token") ?? cookie?.slice(COOKIE.length + 1);
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

  async #users(call: Call, loginId: string | undefined): Promise<Answer> {
    const caller = this.#whoCalls(call);
    if (loginId === undefined) {
      methodOf(call, "POST");
      return this.#create(call, caller);
    }
    methodOf(call, "GET");
    const user = this.#visible(caller, loginId);
    if (user) return json({ login_id: loginIdOf(user), mqtt_id: user.userMqtt, disabled: false });
    const details = { loginId: excerpt(loginId), self: loginIdOf(caller) };
    throw Declined.because(403, "USER_FOREIGN", details);
  }

  async #create(call: Call, caller: Account): Promise<Answer> {
    const role = roleOf(caller);
    if (role === "basic") throw Declined.because(401, "ROLE", { role });
    const body = await objectOf(call);
    const loginId = nameOf(body, "login_id");
    const userPassword = nameOf(body, "password");
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
    return json({ login_id: loginId }, this.#sandbox.weather.createLater > 0 ? 202 : 200);
  }

  #find({ projectMqtt }: Account, loginId: string): Account | undefined {
    return this.#sandbox.accounts.find(
      (account) => account.projectMqtt === projectMqtt && loginIdOf(account) === loginId,
    );
  }

  /** A basic user sees itself, a business user every basic user of its project too. */
  #visible(caller: Account, loginId: string): Account | undefined {
    if (loginId === loginIdOf(caller)) return caller;
    const user = this.#find(caller, loginId);
    return user && roleOf(caller) === "business" && roleOf(user) === "basic" ? user : undefined;
  }

  // --- events -----------------------------------------------------------------------------------

  async #events(
    call: Call,
    stream: string,
    loginId: string | undefined,
  ): Promise<Answer | Streaming> {
    const method = methodOf(call, "GET", "POST");
    const owner = this.#ownerOf(this.#whoCalls(call), loginId);
    return method === "GET" ? this.#list(call, stream, owner) : this.#store(call, stream, owner);
  }

  /** Whose events are meant. */
  #ownerOf(caller: Account, loginId: string | undefined): Account {
    const role = roleOf(caller);
    if (role === "registration") throw Declined.because(401, "ROLE", { role });
    if (loginId === undefined) {
      if (role === "business") throw Declined.because(400, "LOGIN_ID_NEEDED");
      return caller;
    }
    const owner = this.#visible(caller, loginId);
    if (owner) return owner;
    const details = { loginId: excerpt(loginId), self: loginIdOf(caller) };
    throw Declined.because(401, "USER_FOREIGN", details);
  }

  #list({ query }: Call, stream: string, owner: Account): Streaming {
    const { projectMqtt, userMqtt } = owner;
    const own = this.#sandbox.events.filter(
      (event) =>
        event.stream === stream && event.projectMqtt === projectMqtt && event.userMqtt === userMqtt,
    );
    return jsonLines(documents(listed(own, eventListing(query))));
  }

  /** All events of a body, or none of them. */
  async #store(call: Call, stream: string, owner: Account): Promise<Answer> {
    checkKept(stream, "stream");
    const text = utf8Text(await bodyOf(call, LONGEST_POST, "BODY_TOO_LONG"));
    if (text === undefined) throw Declined.from(400, new M1Error("DATA_NOT_UTF8"));
    const events: AuthorizedEvent[] = [];
    for (const line of filledLines(text)) {
      events.push(authorizedLine(line, stream));
      if (events.length % AT_ONCE === 0) await othersTurn();
    }
    if (events.length === 0) throw Declined.because(400, "EVENTS_MISSING");
    const { projectMqtt, userMqtt } = owner;
    const address = call.request.socket.remoteAddress ?? "";
    const arrival = {
      who: { projectMqtt, userMqtt },
      clientId: "",
      address,
      qos: 1,
      dup: false,
    } as const;
    for (const [index, event] of events.entries()) {
      this.#sandbox.store(event, arrival);
      await this.#sandbox.caughtUp();
      if (index % AT_ONCE === 0) await othersTurn();
    }
    return json(events.length);
  }
}

interface Line {
  readonly text: string;
  /** From one on. */
  number(): number;
}

/** Not a list of all: a body of line feeds alone may have ten million. */
function* filledLines(body: string): Generator<Line> {
  const blank = /\s*/y;
  for (let end = 0; end < body.length; ) {
    blank.lastIndex = end;
    blank.test(body);
    const start = blank.lastIndex;
    if (start === body.length) return;
    const next = body.indexOf("\n", start);
    end = next < 0 ? body.length : next;
    const number = () => body.slice(0, start).split("\n").length;
    yield { text: body.slice(start, end).trimEnd(), number };
  }
}

/** Throws 400 LINE with what is wrong in it. */
function authorizedLine(line: Line, stream: string): AuthorizedEvent {
  try {
    const bytes = Buffer.from(line.text);
    // A copy: a part of a text keeps the whole of it, 10 MB perhaps, alive.
    const raw = bytes.toString("utf8");
    return { ...decodeEvent(bytes, { by: "rest" }), stream, deviceId: "", raw };
  } catch (error) {
    const { message: reason } = Declined.from(400, error);
    throw Declined.because(400, "LINE", { line: line.number(), reason });
  }
}

function* documents(events: readonly StoredEvent[]): Generator<string> {
  for (const { observedAt, receivedAt, eventData } of events) {
    const document = { observed_at: observedAt, received_at: receivedAt, event_data: eventData };
    yield `${JSON.stringify(document)}\n`;
  }
}
