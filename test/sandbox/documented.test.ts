// What Medium One documents, as a table of cases: the one in docs/sandbox.md, in the same words.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Account, DEMO_ACCOUNT, type Sandbox } from "../../sandbox/sandbox";
import { connect, eachWithSandbox, inbox, loginOf, OWN, refusedWith, suback } from "./clients";
import { type CallOptions, eachWithWeb } from "./web";

const NOW = "2026-01-02T03:04:05.678901Z";
const NEIGHBOUR: Account = { ...DEMO_ACCOUNT, userMqtt: "neighbour", loginId: "n@example.com" };
const BUSINESS: Account = {
  ...{ ...DEMO_ACCOUNT, userMqtt: "business", loginId: "b@example.com" },
  role: "business",
};

const PAGE = readFileSync(path.join(__dirname, "../../docs/sandbox.md"), "utf8");

/** The behaviours of the page's table. */
function documented(): string[] {
  const [, section = ""] = PAGE.split("\n## What is known of the real cloud\n");
  const [table = ""] = section.split("\n[introduction]:");
  const rows = [...table.matchAll(/^\| (.+?) +\| .+ \|$/gm)].map(
    ([, behaviour]) => behaviour ?? "",
  );
  return rows.filter((behaviour) => !/^(Medium One says|-+)$/.test(behaviour));
}

describe("what Medium One documents", () => {
  const context = eachWithSandbox({
    accounts: [DEMO_ACCOUNT, NEIGHBOUR, BUSINESS],
    now: () => NOW,
  });
  const web = eachWithWeb(context);

  const cases: Record<string, () => Promise<void>> = {
    "A device logs in as `<project_mqtt>/<user_mqtt>` with `<api_key>/<user_password>`":
      async () => {
        await connect(context.sandbox, {
          username: "demo-project/demo-user",
          password: "DEMO0KEY/demo/password",
        });
      },
    "A client ID has up to 32 characters": async () => {
      await connect(context.sandbox, { clientId: "x".repeat(32) });
      assert.equal(await refusedWith(context.sandbox, { clientId: "x".repeat(33) }), 2);
    },
    "A device user sends events of its own user only": async () => {
      assert.equal(await codeOf(`0/demo-project/neighbour/d`), "TOPIC_FOREIGN");
    },
    "A device user receives messages of its user, and group messages of its project": async () => {
      const client = await connect(context.sandbox);
      const filters = [`1/${OWN}/#`, "2/demo-project/#", "1/demo-project/neighbour/#", "2/other/#"];
      assert.deepEqual(await suback(client, filters), [1, 1, 128, 128]);
    },
    "Device and group IDs are ASCII without control characters, `#`, `+` and `/`": async () => {
      assert.equal(await codeOf(`0/${OWN}/jürgen`), "LEVEL_CHARACTER");
      assert.equal((await stored(`0/${OWN}/pump 1`, {})).deviceId, "pump 1");
    },
    "Over MQTT, `observed_at` is given to the microsecond": async () => {
      const observed_at = "2001-01-01T00:10:10.000000Z";
      assert.equal((await stored(`0/${OWN}/`, {}, { observed_at })).observedAt, observed_at);
      const rough = { observed_at: "2001-01-01T00:10:10Z" };
      assert.equal(await codeOf(`0/${OWN}/`, rough), "TIME_NOT_MICROSECONDS");
    },
    "An event is sent to `0/<project_mqtt>/<user_mqtt>/<device_id>`, and the device ID may be empty":
      async () => {
        assert.equal((await stored(`0/${OWN}/d`, {})).deviceId, "d");
        assert.equal((await stored(`0/${OWN}/`, {})).deviceId, "");
      },
    "If the topic names a device, the tag `device_id` is added": async () => {
      assert.deepEqual((await stored(`0/${OWN}/d`, { a: 1 })).eventData, { a: 1, device_id: "d" });
    },
    "Without `observed_at`, the event gets the server's time": async () => {
      assert.equal((await stored(`0/${OWN}/d`, {})).observedAt, NOW);
    },
    "Without `stream`, the event goes to the raw stream": async () => {
      assert.equal((await stored(`0/${OWN}/d`, {})).stream, "raw");
      assert.equal((await stored(`0/${OWN}/d`, {}, { stream: "mine" })).stream, "mine");
    },
    "A workflow's event reaches `1/<project_mqtt>/<user_mqtt>/<device_id>/event`": async () => {
      const topics = await received(DEMO_ACCOUNT, (cloud) => cloud.sendDeviceEvent("d", "x"));
      assert.deepEqual(topics, [`1/${OWN}/d/event`]);
    },
    "An update is retained: a device that connects later receives it": async () => {
      await context.sandbox.sendUpdate("d", "config", { interval: 2 });
      const client = await connect(context.sandbox);
      const messages = inbox(client);
      await client.subscribeAsync(`1/${OWN}/d/#`);
      const [update] = await messages.upTo(1);
      assert.deepEqual([update?.topic, update?.retain], [`1/${OWN}/d/update/config`, true]);
    },
    "`_all` as device ID reaches all devices of a user": async () => {
      const topics = await received(DEMO_ACCOUNT, (cloud) => cloud.sendUpdate("_all", "config", 1));
      assert.deepEqual(topics, [`1/${OWN}/_all/update/config`]);
    },
    "A group message reaches `2/<project_mqtt>/<group_id>/<update_type>`, across users":
      async () => {
        const topics = await received(NEIGHBOUR, (cloud) =>
          cloud.sendGroupMessage("g", "news", "x"),
        );
        assert.deepEqual(topics, ["2/demo-project/g/news"]);
      },
    "`add_client_ip` adds the tag `ip_address`": async () => {
      const { eventData } = await stored(`0/${OWN}/`, {}, { add_client_ip: true });
      assert.deepEqual(eventData, { ip_address: "127.0.0.1" });
    },
    "An event has 65,536 characters at the most, from brace to brace": async () => {
      const room = 65_536 - '{"event_data":{"a":""}}'.length;
      await stored(`0/${OWN}/`, { a: "x".repeat(room) });
      const event_data = { a: "x".repeat(room + 1) };
      assert.equal(await codeOf(`0/${OWN}/`, { event_data }), "EVENT_TOO_LONG");
    },
    "A tag that is null is accepted and discarded": async () => {
      assert.deepEqual((await stored(`0/${OWN}/`, { a: null, b: 1 })).eventData, { b: 1 });
    },
    "REST: a login answers `true` and sets cookies for 24 hours; with `no_cookies`, it answers with a token":
      async () => {
        const { body, headers } = await login(DEMO_ACCOUNT);
        assert.equal(body, true);
        assert.match(headers.get("set-cookie") ?? "", /Max-Age=86400/);
        const token = await login(DEMO_ACCOUNT, { no_cookies: true });
        assert.equal(token.headers.get("set-cookie"), null);
        assert.equal((await web.call("GET", `/v2/events/raw?token=${token.body}`)).status, 200);
      },
    "REST: a wrong password is answered with 400, an unknown user with 403": async () => {
      assert.equal((await login({ ...DEMO_ACCOUNT, userPassword: "wrong" })).status, 400);
      assert.equal((await login({ ...DEMO_ACCOUNT, loginId: "nobody" })).status, 403);
    },
    "REST: a user record holds the user's MQTT ID": async () => {
      const { body } = await as(DEMO_ACCOUNT, "GET", `/v2/users/${DEMO_ACCOUNT.loginId}`);
      assert.equal((body as { mqtt_id: string }).mqtt_id, "demo-user");
    },
    "REST: only business and registration users create users; others are answered with 401":
      async () => {
        const body = '{"login_id":"new@example.com","password":"new"}';
        assert.equal((await as(DEMO_ACCOUNT, "POST", "/v2/users", { body })).status, 401);
        assert.equal((await as(BUSINESS, "POST", "/v2/users", { body })).status, 200);
      },
    "REST: events are posted one JSON document a line, and the answer is their number":
      async () => {
        const body = '{"event_data":{"a":1}}\n{"event_data":{"a":2}}';
        assert.equal((await as(DEMO_ACCOUNT, "POST", "/v2/events/raw", { body })).body, 2);
      },
    "REST: events are listed by `since`, `until`, `limit`, `sort_by` and `sort_direction`":
      async () => {
        const lines = [1, 2, 3, 4].map((day) => ({
          event_data: { day },
          observed_at: `2026-01-0${day}T00:00:00Z`,
        }));
        const body = lines.map((line) => JSON.stringify(line)).join("\n");
        await as(DEMO_ACCOUNT, "POST", "/v2/events/raw", { body });
        const query =
          "since=2026-01-01T00:00:00Z&until=2026-01-04T00:00:00Z&limit=1&sort_by=observed_at&sort_direction=desc";
        const { text } = await as(DEMO_ACCOUNT, "GET", `/v2/events/raw?${query}`);
        assert.match(text, /^\{.*"event_data":\{"day":3\}\}\n$/);
      },
  };

  for (const behaviour of documented()) {
    it(behaviour, async () => {
      await (cases[behaviour] ?? assert.fail("docs/sandbox.md says it, and no test checks it"))();
    });
  }

  it("is all in docs/sandbox.md", () => {
    assert.deepEqual(Object.keys(cases), documented());
  });

  /** The event as it is stored. */
  async function stored(topic: string, event_data: object, more: object = {}) {
    const client = await connect(context.sandbox);
    const event = context.sandbox.next("event");
    await client.publishAsync(topic, JSON.stringify({ event_data, ...more }), { qos: 1 });
    return event;
  }

  /** Why an event is refused. */
  async function codeOf(topic: string, event: object = {}): Promise<string> {
    const client = await connect(context.sandbox);
    const refusal = context.sandbox.next("refusal");
    client.publish(topic, JSON.stringify({ event_data: {}, ...event }), { qos: 1 });
    return (await refusal).code;
  }

  /** The topics under which a user's device receives what is sent. */
  async function received(
    account: Account,
    send: (sandbox: Sandbox) => Promise<void>,
  ): Promise<string[]> {
    const client = await connect(context.sandbox, loginOf(account));
    const { projectMqtt, userMqtt } = account;
    await client.subscribeAsync([`1/${projectMqtt}/${userMqtt}/#`, `2/${projectMqtt}/#`]);
    const messages = inbox(client);
    await send(context.sandbox);
    return (await messages.upTo(1)).map(({ topic }) => topic);
  }

  function login({ loginId, userPassword, apiKey }: Account, more: object = {}) {
    const body = { login_id: loginId, password: userPassword, api_key: apiKey, ...more };
    return web.call("POST", "/v2/login", { body: JSON.stringify(body) });
  }

  async function as(account: Account, method: string, path: string, options: CallOptions = {}) {
    const cookie = (await login(account)).headers.get("set-cookie")?.split(";")[0] ?? "";
    return web.call(method, path, { ...options, headers: { cookie } });
  }
});
