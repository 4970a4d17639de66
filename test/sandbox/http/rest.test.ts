// The sandbox's REST API (wire-contract: REST).
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { get as getFrom, type IncomingMessage, request } from "node:http";
import { hostname } from "node:os";
import { text as textOf } from "node:stream/consumers";
import { type Account, DEMO_ACCOUNT } from "../../../sandbox/sandbox";
import { connect, EVENT, eachWithSandbox, loginOf, OWN } from "../clients";
import { type Answered, eachWithWeb, type Headers } from "../web";

const NEIGHBOUR = { ...DEMO_ACCOUNT, userMqtt: "neighbour", loginId: "neighbour@example.com" };
const BUSINESS: Account = {
  ...{ ...DEMO_ACCOUNT, userMqtt: "business", loginId: "business@example.com" },
  role: "business",
};
const REGISTRATION: Account = {
  ...{ ...DEMO_ACCOUNT, userMqtt: "registration", loginId: "registration@example.com" },
  role: "registration",
};
const ELSEWHERE = {
  ...DEMO_ACCOUNT,
  projectMqtt: "other",
  apiKey: "OTHER",
  loginId: "other@example.com",
};
const ACCOUNTS = [DEMO_ACCOUNT, NEIGHBOUR, BUSINESS, REGISTRATION, ELSEWHERE];

const NOON = Date.parse("2026-01-02T12:00:00Z");
const DAY = 24 * 60 * 60 * 1000;

describe("sandbox: REST", () => {
  const context = eachWithSandbox({ accounts: ACCOUNTS });
  let time = NOON;
  const web = eachWithWeb(context, { now: () => time });
  beforeEach(() => {
    time = NOON;
  });

  function post(path: string, body: unknown, headers: Headers = {}): Promise<Answered> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return web.call("POST", path, { body: text, headers });
  }

  const get = (path: string, headers: Headers = {}) => web.call("GET", path, { headers });

  /** Headers that say who calls. */
  async function as(account: Account): Promise<Headers> {
    const { headers } = await post("/v2/login", loginBody(account));
    return { cookie: headers.get("set-cookie")?.split(";")[0] ?? "" };
  }

  function refusedWith({ status, body }: Answered): [number, unknown] {
    const [refusal] = context.sandbox.refusals.slice(-1);
    const { code, error } = body as { code: string; error: string };
    assert.deepEqual(
      [refusal?.what, refusal?.code, refusal?.status, refusal?.reason],
      ["request", code, status, error],
    );
    return [status, code];
  }

  describe("login", () => {
    it("answers true and sets a cookie for 24 hours", async () => {
      const { status, body, headers } = await post("/v2/login/", loginBody(DEMO_ACCOUNT));
      assert.deepEqual([status, body], [200, true]);
      assert.match(
        headers.get("set-cookie") ?? "",
        /^session=[\w-]{32}; Max-Age=86400; Path=\/; HttpOnly; SameSite=Strict$/,
      );
    });

    it("answers with a token instead when it is asked for no cookies", async () => {
      for (const [path, extra] of [
        ["/v2/login", { no_cookies: true }],
        ["/v2/login?no_cookies", {}],
      ] as const) {
        const { body, headers } = await post(path, { ...loginBody(DEMO_ACCOUNT), ...extra });
        assert.equal(headers.get("set-cookie"), null);
        const { status } = await get(`/v2/events/raw?token=${body}`);
        assert.equal(status, 200);
      }
    });

    const wrong: [what: string, status: number, code: string, change: object][] = [
      ["a missing login_id", 400, "FIELD_MISSING", { login_id: undefined }],
      ["a missing password", 400, "FIELD_MISSING", { password: undefined }],
      ["an API key that is a number", 400, "FIELD_MISSING", { api_key: 7 }],
      ["a wrong API key", 400, "LOGIN_KEY_WRONG", { api_key: "SECRET" }],
      ["a wrong password", 400, "LOGIN_PASSWORD_WRONG", { password: "SECRET" }],
      ["an unknown user", 403, "LOGIN_ID_UNKNOWN", { login_id: "nobody@example.com" }],
      ["a password as user", 403, "LOGIN_ID_UNKNOWN", { login_id: "demo/password" }],
      ["an API key of another project", 400, "LOGIN_KEY_WRONG", { api_key: "OTHER" }],
    ];
    for (const [what, status, code, change] of wrong) {
      it(`refuses ${what} with ${status} and says why`, async () => {
        const answered = await post("/v2/login", { ...loginBody(DEMO_ACCOUNT), ...change });
        assert.deepEqual(refusedWith(answered), [status, code]);
        assert.doesNotMatch(JSON.stringify(answered.body), /DEMO0KEY|demo\/password|SECRET/);
      });
    }

    for (const body of ["", "no JSON", "[]", "null"]) {
      it(`refuses the body ${JSON.stringify(body)} with 400`, async () => {
        assert.deepEqual(refusedWith(await post("/v2/login", body)), [400, "BODY_NOT_JSON"]);
      });
    }

    it("lasts 24 hours", async () => {
      const headers = await as(DEMO_ACCOUNT);
      time += DAY - 1;
      assert.equal((await get("/v2/events/raw", headers)).status, 200);
      time += 1;
      const answered = await get("/v2/events/raw", headers);
      assert.deepEqual(refusedWith(answered), [401, "SESSION_MISSING"]);
    });

    it("is asked of everyone, and a token of one's own making is none", async () => {
      for (const path of ["/v2/events/raw", "/v2/users/demo@example.com?token=made-up"]) {
        assert.deepEqual(refusedWith(await get(path)), [401, "SESSION_MISSING"]);
      }
    });
  });

  describe("users", () => {
    it("tell a user its MQTT ID", async () => {
      const { status, body } = await get("/v2/users/demo%40example.com", await as(DEMO_ACCOUNT));
      assert.equal(status, 200);
      assert.deepEqual(body, {
        login_id: "demo@example.com",
        mqtt_id: "demo-user",
        disabled: false,
      });
    });

    it("tell a business user the MQTT ID of a basic user of its project", async () => {
      const { body } = await get("/v2/users/neighbour@example.com", await as(BUSINESS));
      assert.equal((body as { mqtt_id: string }).mqtt_id, "neighbour");
    });

    for (const [caller, loginId] of [
      [DEMO_ACCOUNT, "neighbour@example.com"],
      [DEMO_ACCOUNT, "nobody@example.com"],
      [REGISTRATION, "demo@example.com"],
      [BUSINESS, "other@example.com"],
      [BUSINESS, "registration@example.com"],
    ] as const) {
      it(`do not tell ${caller.loginId} of ${loginId}: 403`, async () => {
        const answered = await get(`/v2/users/${loginId}`, await as(caller));
        assert.deepEqual(refusedWith(answered), [403, "USER_FOREIGN"]);
      });
    }

    for (const caller of [BUSINESS, REGISTRATION]) {
      it(`are created by a ${caller.role} user, and may log in by REST and by MQTT`, async () => {
        const body = { login_id: "new@example.com", password: "new/password" };
        const created = await post("/v2/users", body, await as(caller));
        assert.deepEqual([created.status, created.body], [200, { login_id: "new@example.com" }]);
        const user = { ...DEMO_ACCOUNT, loginId: "new@example.com", userPassword: "new/password" };
        const record = await get("/v2/users/new@example.com", await as(user));
        const { mqtt_id: userMqtt } = record.body as { mqtt_id: string };
        await connect(context.sandbox, loginOf({ ...user, userMqtt }));
      });
    }

    it("are not created by a basic user: 401", async () => {
      const body = { login_id: "new@example.com", password: "new" };
      const answered = await post("/v2/users", body, await as(DEMO_ACCOUNT));
      assert.deepEqual(refusedWith(answered), [401, "ROLE"]);
    });

    it("are not created with a password that is too simple: 400", async () => {
      const body = { login_id: "new@example.com", password: "ab" };
      const answered = await post("/v2/users", body, await as(BUSINESS));
      assert.deepEqual(refusedWith(answered), [400, "PASSWORD_SIMPLE"]);
    });

    it("are not created twice: 403", async () => {
      const body = { login_id: "demo@example.com", password: "new" };
      const answered = await post("/v2/users", body, await as(BUSINESS));
      assert.deepEqual(refusedWith(answered), [403, "USER_EXISTS"]);
    });
  });

  describe("users that come later", () => {
    const late = eachWithSandbox({ accounts: ACCOUNTS, weather: { createLater: 50 } });
    const lateWeb = eachWithWeb(late);
    const user = { login_id: "new@example.com", password: "new/password" };
    const login = (body: object) =>
      lateWeb.call("POST", "/v2/login", { body: JSON.stringify(body) });
    const create = async () => {
      const { headers } = await login(loginBody(REGISTRATION));
      const cookie = headers.get("set-cookie")?.split(";")[0] ?? "";
      const body = JSON.stringify(user);
      return lateWeb.call("POST", "/v2/users/", { body, headers: { cookie } });
    };

    it("are answered with 202, and may log in once they are there", async () => {
      const there = late.sandbox.next("configured");
      const created = await create();
      assert.deepEqual([created.status, created.body], [202, { login_id: "new@example.com" }]);
      const asNew = { ...user, api_key: DEMO_ACCOUNT.apiKey };
      assert.equal((await login(asNew)).status, 403);
      await there;
      assert.equal((await login(asNew)).status, 200);
    });

    it("are not created twice meanwhile: 403", async () => {
      await create();
      assert.equal((await create()).status, 403);
    });
  });

  describe("events in", () => {
    it("are stored, one JSON document a line, and counted in the answer", async () => {
      const lines = [
        '{"observed_at": "2014-06-11T02:11:26.157759Z", "event_data": {"sensor1": 38.6, "gone": null}}',
        "",
        '{"event_data": {"sensor1": 39.4}, "add_client_ip": true}\r',
      ];
      const { status, body } = await post(
        "/v2/events/mine",
        lines.join("\n"),
        await as(DEMO_ACCOUNT),
      );
      assert.deepEqual([status, body], [200, 2]);
      const [first, second] = context.sandbox.events;
      assert.deepEqual(first?.eventData, { sensor1: 38.6 });
      assert.equal(first?.observedAt, "2014-06-11T02:11:26.157759Z");
      assert.equal(first?.stream, "mine");
      assert.equal(first?.clientId, "");
      assert.deepEqual(second?.eventData, { sensor1: 39.4, ip_address: "127.0.0.1" });
      assert.equal(second?.observedAt, second?.receivedAt);
    });

    it("need no microseconds in their time, but a zone", async () => {
      const headers = await as(DEMO_ACCOUNT);
      const event = { event_data: {}, observed_at: "2014-07-25T12:12:56.2345-08:00" };
      await post("/v2/events/raw", event, headers);
      assert.equal(context.sandbox.events[0]?.observedAt, "2014-07-25T20:12:56.234500Z");
      const answered = await post(
        "/v2/events/raw",
        { ...event, observed_at: "2014-07-25T12:12:56" },
        headers,
      );
      assert.deepEqual(refusedWith(answered), [400, "LINE"]);
      assert.match(JSON.stringify(answered.body), /Line 1: The time .* has no zone/);
    });

    it("are stored for the user whom a business user names", async () => {
      await post("/v2/events/raw/demo@example.com", EVENT, await as(BUSINESS));
      assert.equal(context.sandbox.events[0]?.userMqtt, "demo-user");
    });

    it("leave others their turn, however many there are", async () => {
      const headers = await as(DEMO_ACCOUNT);
      let stored = 0;
      context.sandbox.on("event", () => {
        stored += 1;
      });
      const first = context.sandbox.next("event");
      const posted = post("/v2/events/raw", `${EVENT}\n`.repeat(20_000), headers);
      await first;
      await get("/v2/users/demo@example.com", headers);
      assert.ok(stored < 20_000, String(stored));
      assert.equal((await posted).body, 20_000);
    });

    it("are stored all or not at all: a wrong line is named", async () => {
      const answered = await post(
        "/v2/events/raw",
        `${EVENT}\n\n{"hello":1}`,
        await as(DEMO_ACCOUNT),
      );
      assert.deepEqual(refusedWith(answered), [400, "LINE"]);
      assert.match(JSON.stringify(answered.body), /Line 3: hello is not a key/);
      assert.deepEqual(context.sandbox.events, []);
    });

    const refused: [what: string, account: Account, path: string, body: string, code: string][] = [
      ["two documents on a line", DEMO_ACCOUNT, "raw", EVENT + EVENT, "LINE"],
      ["an event of 65,537 characters", DEMO_ACCOUNT, "raw", eventOf(65_537), "LINE"],
      ["no event", DEMO_ACCOUNT, "raw", "\n", "EVENTS_MISSING"],
      ["a business user's of nobody", BUSINESS, "raw", EVENT, "LOGIN_ID_NEEDED"],
    ];
    for (const [what, account, path, body, code] of refused) {
      it(`are refused with 400: ${what}`, async () => {
        const answered = await post(`/v2/events/${path}`, body, await as(account));
        assert.deepEqual(refusedWith(answered), [400, code]);
      });
    }

    it("are refused with 400 if a number is too great, or they nest too deep, and say where", async () => {
      const headers = await as(DEMO_ACCOUNT);
      const deep = `{"event_data":${'{"a":'.repeat(201)}1${"}".repeat(201)}}`;
      for (const [line, words] of [
        ['{"event_data":{"temperature":1e999}}', /^Line 2: event_data\.temperature is Infinity/],
        [deep, /^Line 2: .* deeper than 200 levels$/],
      ] as const) {
        const answered = await post("/v2/events/raw", `${EVENT}\n${line}`, headers);
        assert.deepEqual(refusedWith(answered), [400, "LINE"]);
        assert.match((answered.body as { error: string }).error, words);
      }
      assert.deepEqual(context.sandbox.events, []);
    });

    it("are refused with 400 if they are not UTF-8", async () => {
      const body = Buffer.from([0x7b, 0xc3, 0x28, 0x7d]);
      const headers = await as(DEMO_ACCOUNT);
      const answered = await web.call("POST", "/v2/events/raw", { body, headers });
      assert.deepEqual(refusedWith(answered), [400, "DATA_NOT_UTF8"]);
    });

    it("are refused with 401 for another user", async () => {
      const answered = await post(
        "/v2/events/raw/neighbour@example.com",
        EVENT,
        await as(DEMO_ACCOUNT),
      );
      assert.deepEqual(refusedWith(answered), [401, "USER_FOREIGN"]);
    });

    it("may be 10 MB together and not a byte more", async () => {
      const headers = await as(DEMO_ACCOUNT);
      const body = `${EVENT}\n`.padEnd(10_000_000, " ");
      assert.equal((await post("/v2/events/raw", body, headers)).status, 200);
      const answered = await post("/v2/events/raw", `${body} `, headers);
      assert.deepEqual(refusedWith(answered), [413, "BODY_TOO_LONG"]);
    });

    it("may not be more if their length is not told in advance, either", async () => {
      const headers = await as(DEMO_ACCOUNT);
      const body = `${EVENT}\n`.padEnd(10_000_001, " ");
      const answered = await web.call("POST", "/v2/events/raw", { body, headers, chunked: true });
      assert.deepEqual(refusedWith(answered), [413, "BODY_TOO_LONG"]);
    });

    it("run the workflows as those that come by MQTT do", async () => {
      const event = context.sandbox.next("event");
      await post("/v2/events/raw", EVENT, await as(DEMO_ACCOUNT));
      assert.equal((await event).raw, EVENT);
    });
  });

  describe("events out", () => {
    const times = [3, 1, 2].map((second) => `2026-01-01T00:00:0${second}.000000Z`);

    /** The values of `n` that a query lists; they were stored in the order 3, 1, 2. */
    async function listedBy(query: string): Promise<unknown[]> {
      const headers = await as(DEMO_ACCOUNT);
      const lines = times.map((observed_at) =>
        JSON.stringify({ observed_at, event_data: { n: Number(observed_at[18]) } }),
      );
      await post("/v2/events/raw", lines.join("\n"), headers);
      await post("/v2/events/other", EVENT, headers);
      await post("/v2/events/raw", EVENT, await as(NEIGHBOUR));
      const { status, text } = await get(`/v2/events/raw${query}`, headers);
      assert.equal(status, 200, text);
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).event_data.n);
    }

    const queries: [query: string, values: number[]][] = [
      ["", [1, 2, 3]],
      ["/demo@example.com", [1, 2, 3]],
      ["?sort_direction=desc", [3, 2, 1]],
      ["?sort_by=received_at", [3, 1, 2]],
      ["?sort_by=internal&sort_direction=desc", [2, 1, 3]],
      ["?limit=2", [1, 2]],
      ["?limit=0", []],
      ["?sort_by=observed_at&sort_direction=desc&limit=1", [3]],
      ["?since=2026-01-01T00:00:01Z", [2, 3]],
      ["?until=2026-01-01T01:00:03%2B01:00", [1, 2]],
      ["?since=2026-01-01T00:00:01Z&until=2026-01-01T00:00:03Z", [2]],
    ];
    for (const [query, values] of queries) {
      it(`are ${JSON.stringify(values)} for ${query || "no parameters"}`, async () => {
        assert.deepEqual(await listedBy(query), values);
      });
    }

    it("are what a device published, with both times, one JSON document a line", async () => {
      const client = await connect(context.sandbox);
      await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
      const { text, headers } = await get("/v2/events/raw", await as(DEMO_ACCOUNT));
      const [event] = context.sandbox.events;
      assert.equal(
        text,
        `{"observed_at":"${event?.observedAt}","received_at":"${event?.receivedAt}","event_data":{"temperature":21.5,"device_id":"d"}}\n`,
      );
      assert.equal(headers.get("content-type"), "application/json");
    });

    describe("to clients that do not read on", () => {
      const MB = 1_000_000;
      const long = { eventData: { v: "x".repeat(60_000) }, deviceId: "", raw: "" };
      const arrival = { who: DEMO_ACCOUNT, clientId: "", address: "", qos: 1, dup: false } as const;
      const errors: Error[] = [];
      beforeEach(() => {
        errors.length = 0;
        context.sandbox.on("error", (error) => errors.push(error));
        for (let count = 0; count < 300; count += 1) context.sandbox.store(long, arrival);
      });

      /** The answer to a request, of which nothing is read. */
      async function unread(): Promise<IncomingMessage> {
        const headers = await as(DEMO_ACCOUNT);
        return new Promise((resolve) => {
          getFrom(`${web.url}/v2/events/raw`, { headers, agent: false }, resolve);
        });
      }

      it("wait, and are not made before", async () => {
        const { heapUsed, external } = process.memoryUsage();
        const answers = [await unread()];
        while (answers.length < 10) answers.push(await unread());
        const memory = process.memoryUsage();
        const grown = memory.heapUsed + memory.external - heapUsed - external;
        assert.ok(grown < 50 * MB, `${Math.round(grown / MB)} MB for 10 answers of 18 MB each`);
        const texts = await Promise.all(answers.map(textOf));
        assert.deepEqual(
          texts.map((each) => each.split("\n").length),
          answers.map(() => 301),
        );
      });

      it("end with them, which is no fault", async () => {
        const answer = await unread();
        answer.on("error", () => undefined).destroy();
        await once(answer, "close");
        assert.equal((await post("/v2/login", loginBody(DEMO_ACCOUNT))).status, 200);
        assert.deepEqual(errors, []);
      });

      it("break off at one that cannot be told, and the sandbox says why", async () => {
        context.sandbox.store({ ...long, eventData: { number: 1n } }, arrival);
        await assert.rejects(textOf(await unread()), { code: "ECONNRESET" });
        assert.match(errors[0]?.message ?? "", /BigInt/);
        assert.equal(errors.length, 1);
      });
    });

    for (const query of [
      "since=yesterday",
      "until=2026-01-01T00:00:00",
      "limit=10001",
      "limit=-1",
      "limit=ten",
      "sort_by=temperature",
      "sort_direction=up",
    ]) {
      it(`are refused with 400 for ${query}`, async () => {
        const answered = await get(`/v2/events/raw?${query}`, await as(DEMO_ACCOUNT));
        assert.deepEqual(refusedWith(answered), [400, "QUERY"]);
      });
    }
  });

  it("bears a client that hangs up in the middle of its body", async () => {
    const errors: Error[] = [];
    context.sandbox.on("error", (error) => errors.push(error));
    const asked = request(`${web.url}/v2/login`, { method: "POST" });
    asked.on("error", () => undefined);
    asked.write('{"login_id":');
    while (asked.socket?.bytesWritten === 0 || !asked.socket) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    asked.destroy();
    assert.equal((await post("/v2/login", loginBody(DEMO_ACCOUNT))).status, 200);
    assert.deepEqual(errors, []);
  });

  it("answers 404 where there is nothing and 405 for another method", async () => {
    for (const path of [
      "/v2",
      "/v2/store",
      "/v2/events",
      "/v2/login/x",
      "/v2/users/a/b",
      "/nothing",
      "/%",
      "/a\\b",
      "*",
    ]) {
      assert.deepEqual(refusedWith(await get(path)), [404, "PATH_UNKNOWN"]);
    }
    const answered = await get("/v2/login");
    assert.deepEqual(refusedWith(answered), [405, "METHOD"]);
    assert.equal(answered.headers.get("allow"), "POST");
  });

  it("answers HEAD as GET, without a body, and opens no feed for it", async () => {
    for (const path of ["/", "/v2/events/raw"]) {
      const headers = await as(DEMO_ACCOUNT);
      const { status, text } = await web.call("HEAD", path, { headers });
      assert.deepEqual([status, text], [200, ""], path);
    }
    const { status, headers } = await web.call("HEAD", "/console/feed");
    assert.deepEqual([status, headers.get("allow")], [405, "GET"]);
    assert.equal(context.sandbox.listenerCount("event"), 0);
  });

  it("says of every answer that it is not to be kept", async () => {
    for (const path of ["/", "/v2/events/raw", "/nothing", "*", "/console/send"]) {
      const { headers } = await get(path, await as(DEMO_ACCOUNT));
      const said = ["cache-control", "x-content-type-options"].map((name) => headers.get(name));
      assert.deepEqual(said, ["no-store", "nosniff"], path);
    }
  });

  it("leaves the Request and Response of the program that it is part of as they are", async () => {
    const { Request: before, Response: also } = globalThis;
    await get("/nothing");
    assert.ok(globalThis.Request === before && globalThis.Response === also);
  });

  describe("keeps other people's web pages away", () => {
    const post403: [what: string, headers: Headers, code: string][] = [
      ["a name that leads here", { host: "evil.example" }, "HOST_FOREIGN"],
      ["a name that looks like an address", { host: "127.0.0.1.evil.example:80" }, "HOST_FOREIGN"],
      ["a page of another origin", { origin: "https://evil.example" }, "ORIGIN_FOREIGN"],
      ["a page of no origin", { origin: "null" }, "ORIGIN_FOREIGN"],
      ["another port of this computer", { origin: "http://127.0.0.1:1" }, "ORIGIN_FOREIGN"],
      ["a cross-site request", { "sec-fetch-site": "cross-site" }, "ORIGIN_FOREIGN"],
      ["a same-site request", { "sec-fetch-site": "same-site" }, "ORIGIN_FOREIGN"],
    ];
    for (const [what, headers, code] of post403) {
      it(`refuses a post from ${what}`, async () => {
        const answered = await post("/v2/login", loginBody(DEMO_ACCOUNT), headers);
        assert.deepEqual(refusedWith(answered), [403, code]);
      });
    }

    it("refuses to be read under a foreign name", async () => {
      assert.deepEqual(refusedWith(await get("/", { host: "evil.example" })), [
        403,
        "HOST_FOREIGN",
      ]);
    });

    it("may be linked to, and not be embedded or read", async () => {
      const site = { "sec-fetch-site": "cross-site" };
      const link = { ...site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
      assert.equal((await get("/", link)).status, 200);
      for (const mode of ["cors", "no-cors"]) {
        const answered = await get("/console/feed", { ...site, "sec-fetch-mode": mode });
        assert.deepEqual(refusedWith(answered), [403, "ORIGIN_FOREIGN"]);
      }
      for (const dest of ["iframe", "frame", "object", "embed"]) {
        const answered = await get("/", { ...link, "sec-fetch-dest": dest });
        assert.deepEqual(refusedWith(answered), [403, "ORIGIN_FOREIGN"], dest);
      }
    });

    it("opens no feed for a link, so that no site takes them all", async () => {
      const link = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
      const answered = await get("/console/feed", { ...link, "sec-fetch-site": "cross-site" });
      assert.deepEqual(refusedWith(answered), [403, "ORIGIN_FOREIGN"]);
    });

    describe("where the network is let in", () => {
      const open = eachWithWeb(context, { host: "0.0.0.0", names: ["M1-Sandbox"] });

      it("answers to the names of this computer too, and to those that it was told of", async () => {
        const names = [hostname(), `${hostname().split(".")[0]}.local`, "m1-sandbox"];
        for (const name of names) {
          for (const host of [name, `${name.toUpperCase()}:61680`]) {
            const { status } = await open.call("GET", "/console/nothing", { headers: { host } });
            assert.equal(status, 404, host);
          }
        }
        const evil = { headers: { host: "m1-sandbox.evil.example" } };
        assert.equal((await open.call("GET", "/console/nothing", evil)).status, 403);
      });
    });

    it("answers to no name of this computer where only this computer reaches it", async () => {
      const answered = await get("/", { host: `${hostname().split(".")[0]}.local` });
      assert.deepEqual(refusedWith(answered), [403, "HOST_FOREIGN"]);
    });

    it("answers to localhost and to IP addresses", async () => {
      for (const host of ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80", "192.168.0.7"]) {
        const answered = await post("/v2/login", loginBody(DEMO_ACCOUNT), { host });
        assert.equal(answered.status, 200, host);
      }
    });
  });
});

function loginBody({ loginId, userPassword, apiKey }: Account): object {
  return { login_id: loginId, password: userPassword, api_key: apiKey };
}

function eventOf(characters: number): string {
  const frame = '{"event_data":{"a":""}}';
  return frame.replace('""', `"${"x".repeat(characters - frame.length)}"`);
}
