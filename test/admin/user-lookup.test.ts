// The look-up of a user's MQTT ID: what is asked of the REST API, and what each answer means.
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { lookUpUser, type UserLookup } from "../../nodes/admin/user-lookup";
import type { ErrorCode, M1Error } from "../../nodes/protocol/errors";

const USER = { loginId: "pump@example.com", apiKey: "KEY", userPassword: "pass/word" };

interface Request {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly cookie: string | undefined;
  readonly body: string;
}

type Answer = (request: Request, response: ServerResponse) => void;

describe("the look-up of a user MQTT ID", () => {
  let server: Server;
  let restUrl: string;
  let requests: Request[];
  let login: Answer;
  let record: Answer;

  beforeEach(async () => {
    requests = [];
    login = (_request, response) =>
      response.setHeader("set-cookie", ["session=abc; Path=/; HttpOnly", "seat=7"]).end("{}");
    record = (_request, response) =>
      response.end(
        JSON.stringify({ login_id: USER.loginId, project_mqtt_id: "p", mqtt_id: "Zo7xrK0yvMk" }),
      );
    server = createServer(async (message, response) => {
      const request = await read(message);
      requests.push(request);
      (message.url?.endsWith("v2/login") ? login : record)(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    restUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function read(message: IncomingMessage): Promise<Request> {
    const { method, url, headers } = message;
    let body = "";
    for await (const chunk of message) body += chunk;
    return { method, url, cookie: headers.cookie, body };
  }

  const status = (code: number): Answer => {
    return (_request, response) => response.writeHead(code).end();
  };

  async function failureOf(lookup: Partial<UserLookup> = {}, deadline?: number): Promise<M1Error> {
    const result: string | M1Error = await lookUpUser(
      { restUrl, ...USER, ...lookup },
      deadline,
    ).catch((error: M1Error) => error);
    if (typeof result === "string") throw new Error("the look-up succeeded");
    assert.doesNotMatch(result.message, /undefined|__/);
    assert.doesNotMatch(JSON.stringify(result.details), /pass|KEY/);
    return result;
  }

  it("logs in as the user, reads its record in that session, and finds the ID", async () => {
    assert.equal(await lookUpUser({ restUrl, ...USER }), "Zo7xrK0yvMk");
    const [first, second] = requests;
    assert.deepEqual([first?.method, first?.url], ["POST", "/v2/login"]);
    assert.deepEqual(JSON.parse(first?.body ?? ""), {
      login_id: "pump@example.com",
      password: "pass/word",
      api_key: "KEY",
    });
    assert.deepEqual([second?.method, second?.url], ["GET", "/v2/users/pump%40example.com"]);
    assert.equal(second?.cookie, "session=abc; seat=7");
  });

  for (const end of ["", "/", "/v2", "/v2/"]) {
    it(`takes the address that ends in "${end}", also below a path of another server`, async () => {
      await lookUpUser({ ...USER, restUrl: `${restUrl}${end}` });
      await lookUpUser({ ...USER, restUrl: `${restUrl}/medium-one${end}` });
      const [own, , below] = requests.map(({ url }) => url);
      assert.deepEqual([own, below], ["/v2/login", "/medium-one/v2/login"]);
    });
  }

  const logins: [string, number, ErrorCode][] = [
    ["a wrong password or key", 400, "REST_LOGIN"],
    ["a user that does not exist", 403, "REST_USER_UNKNOWN"],
    ["too many attempts", 429, "REST_LIMITED"],
    ["a server that is not available", 503, "REST_UNAVAILABLE"],
    ["a status that no page of Medium One names", 500, "REST_STATUS"],
  ];
  for (const [title, code, expected] of logins) {
    it(`knows ${title} by the login's ${code}`, async () => {
      login = status(code);
      assert.equal((await failureOf()).code, expected);
      assert.equal(requests.length, 1);
    });
  }

  const records: [string, number, ErrorCode][] = [
    ["a user that may not read its record", 401, "REST_FORBIDDEN"],
    ["a user that may not read its record", 403, "REST_FORBIDDEN"],
    ["a user that does not exist", 404, "REST_USER_UNKNOWN"],
    ["too many attempts", 429, "REST_LIMITED"],
    ["a server that is not available", 503, "REST_UNAVAILABLE"],
  ];
  for (const [title, code, expected] of records) {
    it(`knows ${title} by the record's ${code}`, async () => {
      record = status(code);
      assert.equal((await failureOf()).code, expected);
    });
  }

  for (const body of ["", "[]", "null", "{}", '{"mqtt_id":""}', '{"project_mqtt_id":"p"}']) {
    it(`says so when the record is ${body || "blank"}`, async () => {
      record = (_request, response) => response.end(body);
      assert.equal((await failureOf()).code, "REST_NO_ID");
    });
  }

  it("knows a server that is not there, and one that does not exist", async () => {
    server.close();
    assert.equal((await failureOf()).code, "REFUSED");
    const elsewhere = { restUrl: "https://name.invalid" };
    assert.equal((await failureOf(elsewhere)).code, "HOST_NOT_FOUND");
  });

  it("does not wait for ever, neither for an answer nor for its end", async () => {
    login = () => undefined;
    assert.equal((await failureOf({}, 50)).code, "TIMED_OUT");
    login = (_request, response) => response.write("{");
    assert.equal((await failureOf({}, 50)).code, "TIMED_OUT");
  });

  it("does not follow a redirect with the password", async () => {
    login = (_request, response) => response.writeHead(307, { location: "/elsewhere" }).end();
    const failure = await failureOf();
    assert.equal(failure.code, "REST_STATUS");
    assert.equal(failure.details.status, 307);
    assert.equal(requests.length, 1);
  });

  it("sends nothing unless all fields are there", async () => {
    const blank: Partial<UserLookup>[] = [{ loginId: "" }, { apiKey: "" }, { userPassword: "" }];
    for (const lookup of blank) assert.equal((await failureOf(lookup)).code, "CREDENTIAL_MISSING");
    assert.deepEqual(requests, []);
  });

  it("sends a password readable to this computer only, and none to what is no address", async () => {
    const refused = ["http://api.mediumone.com", "api.mediumone.com", "ftp://127.0.0.1", ""];
    for (const url of refused) assert.equal((await failureOf({ restUrl: url })).code, "REST_URL");
    const secret = { restUrl: "https://user:word@api.mediumone.com" };
    assert.equal((await failureOf(secret)).code, "URL_SECRET");
  });
});
