// A new device user: what is asked of the REST API, and what each answer means.
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CreatedUser, createUser, type UserCreation } from "../../nodes/admin/user-creation";
import type { ErrorCode, M1Error } from "../../nodes/protocol/errors";

const CREATION = {
  apiKey: "KEY",
  registrationLoginId: "register@example.com",
  registrationPassword: "regi/word",
  newLoginId: "pump 7@example.com",
  newPassword: "new/secret",
};
const WAITING = { between: 10, most: 200 };

interface Request {
  readonly what: string;
  readonly cookie: string | undefined;
  readonly body: Record<string, string>;
}

describe("the creation of a device user", () => {
  let server: Server;
  let restUrl: string;
  let requests: Request[];
  /** The statuses of what is asked next, by what it is; the last one stays. */
  let statuses: Record<string, number[]>;

  beforeEach(async () => {
    requests = [];
    statuses = { registration: [200], creation: [200], login: [200], record: [200] };
    server = createServer(async (message, response) => {
      const request = await read(message);
      requests.push(request);
      const [status = 200, ...later] = statuses[request.what] ?? [];
      if (later.length > 0) statuses[request.what] = later;
      if (request.what === "registration") response.setHeader("set-cookie", "session=registration");
      if (request.what === "login") response.setHeader("set-cookie", "session=new");
      const record = { login_id: CREATION.newLoginId, mqtt_id: "Zo7xrK0yvMk" };
      response.writeHead(status).end(JSON.stringify(record));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    restUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function read(message: IncomingMessage): Promise<Request> {
    const { method, url, headers } = message;
    let text = "";
    for await (const chunk of message) text += chunk;
    const body = text ? JSON.parse(text) : {};
    const isRegistration = body.login_id === CREATION.registrationLoginId;
    const what: Record<string, string> = {
      "POST /v2/login": isRegistration ? "registration" : "login",
      "POST /v2/users/": "creation",
      "GET /v2/users/pump%207%40example.com": "record",
    };
    return { what: what[`${method} ${url}`] ?? `${method} ${url}`, cookie: headers.cookie, body };
  }

  const created = (creation: Partial<UserCreation> = {}) =>
    createUser({ restUrl, ...CREATION, ...creation }, WAITING);

  async function failureOf(creation?: Partial<UserCreation>): Promise<M1Error> {
    const result: CreatedUser | M1Error = await created(creation).catch((error: M1Error) => error);
    if (!(result instanceof Error)) throw new Error("the user was created");
    checkWords(result);
    return result;
  }

  async function unread(): Promise<M1Error> {
    const result = await created();
    if (!("unread" in result)) throw new Error("the MQTT ID was read");
    checkWords(result.unread);
    return result.unread;
  }

  function checkWords({ message, details }: M1Error): void {
    assert.doesNotMatch(message, /undefined|__/);
    assert.doesNotMatch(JSON.stringify([message, details]), /KEY|regi\/word|new\/secret/);
  }

  const asked = () => requests.map(({ what }) => what);

  it("is asked by the registration user; the record is read as the new one", async () => {
    assert.deepEqual(await created(), { userMqtt: "Zo7xrK0yvMk" });
    assert.deepEqual(requests, [
      {
        what: "registration",
        cookie: undefined,
        body: { login_id: "register@example.com", password: "regi/word", api_key: "KEY" },
      },
      {
        what: "creation",
        cookie: "session=registration",
        body: { login_id: "pump 7@example.com", password: "new/secret" },
      },
      {
        what: "login",
        cookie: undefined,
        body: { login_id: "pump 7@example.com", password: "new/secret", api_key: "KEY" },
      },
      { what: "record", cookie: "session=new", body: {} },
    ]);
  });

  it("waits for a user that is accepted (202) and not there yet", async () => {
    statuses.creation = [202];
    statuses.login = [403, 400, 429, 503, 200];
    statuses.record = [404, 200];
    assert.deepEqual(await created(), { userMqtt: "Zo7xrK0yvMk" });
    assert.equal(asked().filter((what) => what === "creation").length, 1);
  });

  it("gives up waiting, and says that the user is on its way", async () => {
    statuses.creation = [202];
    statuses.login = [403];
    const { code, details } = await unread();
    assert.deepEqual([code, details.loginId], ["REST_USER_PENDING", CREATION.newLoginId]);
  });

  it("says what else became of a user that was accepted, without waiting", async () => {
    statuses.creation = [202];
    statuses.record = [401];
    assert.equal((await unread()).code, "REST_FORBIDDEN");
    assert.deepEqual(asked(), ["registration", "creation", "login", "record"]);
  });

  it("tells a user that was made and cannot be read from one that was not made", async () => {
    statuses.record = [503];
    assert.equal((await unread()).code, "REST_UNAVAILABLE");
  });

  const refusals: ["registration" | "creation", number, ErrorCode][] = [
    ["registration", 400, "REST_REGISTRATION_LOGIN"],
    ["registration", 401, "REST_REGISTRATION_LOGIN"],
    ["registration", 403, "REST_USER_UNKNOWN"],
    ["registration", 429, "REST_LIMITED"],
    ["registration", 503, "REST_UNAVAILABLE"],
    ["creation", 400, "REST_USER_REFUSED"],
    ["creation", 401, "REST_MAY_NOT_CREATE"],
    ["creation", 403, "REST_NOT_CREATED"],
    ["creation", 429, "REST_LIMITED"],
    ["creation", 503, "REST_UNAVAILABLE"],
    ["creation", 500, "REST_STATUS"],
  ];
  for (const [step, status, code] of refusals) {
    it(`is ${code} when the ${step} is answered with ${status}`, async () => {
      statuses[step] = [status];
      assert.equal((await failureOf()).code, code);
      assert.equal(asked().at(-1), step);
    });
  }

  for (const field of Object.keys(CREATION) as (keyof typeof CREATION)[]) {
    it(`sends nothing without the field ${field}`, async () => {
      const failure = await failureOf({ [field]: "" });
      assert.deepEqual([failure.code, failure.details.field], ["CREDENTIAL_MISSING", field]);
      assert.deepEqual(requests, []);
    });
  }
});
