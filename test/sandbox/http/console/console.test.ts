// What the sandbox tells and takes from the console's page (sandbox/http/). The page itself is in test/console/.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect as openSocket, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { Batch, Snapshot } from "../../../../sandbox/http/console/console-messages";
import { Feed } from "../../../../sandbox/http/console/feed";
import { Filter } from "../../../../sandbox/http/console/filter";
import { openWeb } from "../../../../sandbox/http/web";
import { DEMO_ACCOUNT } from "../../../../sandbox/sandbox";
import { connect, EVENT, eachWithSandbox, inbox, OWN, refusedWith, suback } from "../../clients";
import { type Following, follow } from "../../following";
import { eachWithWeb } from "../../web";

const NOW = "2026-01-02T03:04:05.678901Z";
const NEIGHBOUR = { ...DEMO_ACCOUNT, userMqtt: "neighbour" };
const USERS = [
  { projectMqtt: "demo-project", userMqtt: "demo-user" },
  { projectMqtt: "demo-project", userMqtt: "neighbour" },
];

const who = { projectMqtt: "demo-project", userMqtt: "demo-user" };

describe("sandbox: console", () => {
  const second = { ...DEMO_ACCOUNT, apiKey: "KEY2" };
  const context = eachWithSandbox({
    accounts: [DEMO_ACCOUNT, second, NEIGHBOUR],
    now: () => NOW,
  });
  const web = eachWithWeb(context);
  let page: Following | undefined;
  afterEach(() => page?.close());

  async function opened(filter = ""): Promise<Snapshot> {
    page = await follow(`${web.url}/console/feed?filter=${encodeURIComponent(filter)}`);
    return page.snapshot;
  }

  function news(matches: (batch: Batch) => boolean = () => true): Promise<Batch> {
    if (!page) throw new ReferenceError("No page was opened");
    return page.next(matches);
  }

  async function publish(device: string, ...events: object[]): Promise<void> {
    const client = await connect(context.sandbox);
    for (const event_data of events) {
      await client.publishAsync(`0/${OWN}/${device}`, JSON.stringify({ event_data }), { qos: 1 });
    }
  }

  const post = (path: string, body: object) =>
    web.call("POST", path, {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });

  it("is told first all there is", async () => {
    await publish("d", { temperature: 21.5, motor: { speed: 3 }, note: "warm" });
    await context.sandbox.sendUpdate("d", "config", { interval: 2 });
    await refusedWith(context.sandbox, { password: "WRONG/word" });
    const snapshot = await opened();
    assert.deepEqual(snapshot.users, USERS);
    assert.equal(snapshot.url, context.sandbox.url);
    assert.deepEqual(snapshot.totals, { events: 1, sent: 1, refusals: 1 });
    assert.deepEqual(snapshot.activity, [
      {
        kind: "event",
        at: NOW,
        user: OWN,
        deviceId: "d",
        stream: "raw",
        tags: [
          ["temperature", "21.5"],
          ["motor", '{"speed":3}'],
          ["note", "warm"],
        ],
        moreTags: 0,
      },
      {
        kind: "sent",
        at: NOW,
        topic: `1/${OWN}/d/update/config`,
        payload: '{"interval":2}',
        retain: true,
      },
    ]);
    const x = Math.floor(Date.parse(NOW) / 200) / 5;
    assert.deepEqual(snapshot.points, [
      { tag: "temperature", source: `${OWN}/d`, x, y: 21.5 },
      { tag: "motor.speed", source: `${OWN}/d`, x, y: 3 },
    ]);
    assert.deepEqual(snapshot.retained, {
      rows: [{ topic: `1/${OWN}/d/update/config`, payload: '{"interval":2}', at: NOW }],
      total: 1,
    });
    assert.equal(snapshot.clients.total, 1);
    const [refusal] = snapshot.refusals;
    assert.equal(refusal?.code, "API_KEY_WRONG");
    assert.equal(refusal?.places[0]?.what, "connect (4)");
    assert.match(refusal?.rule ?? "", /<api_key>\/<user_password>/);
    assert.match(refusal?.source ?? "", /^https:\/\//);
  });

  it("is told which call has the rule that a body broke", async () => {
    for (const path of ["/v2/login", "/console/send"]) await post(path, []);
    const { refusals } = await opened();
    assert.deepEqual(
      refusals.map(({ code, rule }) => [code, rule.slice(0, 12)]),
      [
        ["BODY_NOT_JSON", "REST: log in"],
        ["BODY_NOT_JSON", "A rule of th"],
      ],
    );
  });

  it("is told of names of any length no more than can be shown", async () => {
    const long = "x".repeat(20_000);
    const client = await connect(context.sandbox);
    /** The sandbox takes no longer ones. */
    const name = "x".repeat(1000);
    const payload = JSON.stringify({ event_data: { [long]: 1 }, stream: name });
    await client.publishAsync(`0/${OWN}/${name}`, payload, { qos: 1 });
    await context.sandbox.sendDeviceEvent(name, long);
    await suback(
      client,
      ["a", "b", "c"].map((group) => `2/demo-project/${group}${name}/#`),
    );
    await suback(client, [`9/${long}`]);
    await refusedWith(context.sandbox, { clientId: long, username: long });
    const { clients, activity, points, refusals } = await opened();
    for (const rows of [clients.rows, activity, points, refusals]) {
      assert.ok(rows.length > 0);
      const { length } = JSON.stringify(rows);
      assert.ok(length < 2000, `${length} characters`);
    }
  });

  it("is told what happens from then on", async () => {
    const { totals } = await opened();
    assert.deepEqual(totals, { events: 0, sent: 0, refusals: 0 });
    const client = await connect(context.sandbox, { clientId: "pi" });
    await suback(client, [`1/${OWN}/#`]);
    const { clients } = await news(({ clients }) => clients?.rows[0]?.filters.length === 1);
    assert.deepEqual(clients?.rows, [
      {
        clientId: "pi",
        user: OWN,
        session: "clean session",
        filters: [`1/${OWN}/#`],
        moreFilters: 0,
      },
    ]);
    const heard = news(({ matching }) => matching > 0);
    await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
    assert.equal((await heard).totals.events, 1);
    const refused = news(({ refusals }) => refusals.length > 0);
    await refusedWith(context.sandbox, { password: "WRONG/word" });
    assert.equal((await refused).totals.refusals, 1);
    const sent = news(({ activity }) => activity.some(({ kind }) => kind === "sent"));
    await context.sandbox.sendGroupMessage("g", "news", "hello");
    const row = {
      kind: "sent",
      at: NOW,
      topic: "2/demo-project/g/news",
      payload: "hello",
      retain: false,
    };
    assert.deepEqual((await sent).activity, [row]);
    const configured = news(({ users }) => users !== undefined);
    context.sandbox.configure({ accounts: [NEIGHBOUR], rules: [] });
    assert.deepEqual((await configured).users, USERS.slice(1));
  });

  it("is shown a sample of what comes too fast, and the count of all", async () => {
    await opened();
    const client = await connect(context.sandbox);
    const bursts: Batch[] = [];
    const all = news((batch) => {
      bursts.push(batch);
      return batch.totals.events === 1000;
    });
    const publishes = [...Array(1000).keys()].map((number) =>
      client.publishAsync(`0/${OWN}/d`, JSON.stringify({ event_data: { number } }), { qos: 1 }),
    );
    await Promise.all(publishes);
    await all;
    assert.equal(
      bursts.reduce((sum, { matching }) => sum + matching, 0),
      1000,
    );
    for (const { activity, points } of bursts) {
      assert.ok(activity.length <= 20, `${activity.length} rows`);
      assert.ok(points.length <= 1, `${points.length} points of one slot of time`);
    }
    const [last] = bursts.at(-1)?.activity.slice(-1) ?? [];
    assert.deepEqual(last?.kind === "event" && last.tags, [["number", "999"]]);
  });

  it("is told how often what is refused recurs, of the past and from then on", async () => {
    await opened();
    const client = await connect(context.sandbox);
    let times = 0;
    const all = news(({ refusals, totals }) => {
      for (const row of refusals) times += row.times;
      return totals.refusals === 300;
    });
    for (let nth = 0; nth < 300; nth += 1) client.subscribe("1/other/u/#", () => undefined);
    await all;
    assert.equal(times, 300);
    page?.close();
    const { refusals } = await opened();
    assert.deepEqual(
      refusals.map(({ places, times }) => [places.map(({ what }) => what), times]),
      [[["subscribe 1/other/u/#"], 300]],
    );
  });

  it("is told once of what many were refused for, with each of them and how often it was", async () => {
    for (const clientId of ["a", "b", "a"]) {
      await refusedWith(context.sandbox, { clientId, password: "WRONG/word" });
    }
    const client = await connect(context.sandbox, { clientId: "c" });
    for (let nth = 0; nth < 120; nth += 1) await suback(client, [`1/other/u${nth}/#`]);
    const { refusals } = await opened();
    const [logins, filters] = refusals;
    assert.deepEqual(
      logins?.places.map(({ who, what, times }) => [who, what, times]),
      [
        ["b", "connect (4)", 1],
        ["a", "connect (4)", 2],
      ],
    );
    assert.deepEqual([logins?.times, logins?.morePlaces], [3, undefined]);
    assert.deepEqual(
      [filters?.times, filters?.places.length, filters?.morePlaces, refusals.length],
      [120, 100, true, 2],
    );
  });

  for (const [device, user, own] of [
    ["pump", OWN, 2],
    ["pump", "demo-project/neighbour", 1],
    ["PUMP", OWN, 0],
    ["pum", OWN, 0],
    ["", OWN, 0],
  ] as const) {
    it(`is told of the device "${device}" of ${user} alone, if it is its page`, async () => {
      const store = (deviceId: string, userMqtt: string, eventData: object) => {
        const arrival = { clientId: "", address: "", qos: 1, dup: false } as const;
        const owner = { projectMqtt: "demo-project", userMqtt };
        const data = { ...eventData };
        context.sandbox.store(
          { eventData: data, deviceId, raw: EVENT },
          { ...arrival, who: owner },
        );
      };
      store("pump", "demo-user", { own: 1 });
      store("pump", "demo-user", { other: 1 });
      store("pump", "neighbour", { own: 1 });
      store("pump2", "demo-user", { own: 1, text: "pump" });
      for (const id of ["pump", "pump2", "_all"]) await context.sandbox.sendUpdate(id, "set", 1);
      page = await follow(
        `${web.url}/console/feed?${new URLSearchParams({ device: `${user}/${device}` })}`,
      );
      const { activity, points, retained } = page.snapshot;
      const isTold = own === 2 ? [`1/${OWN}/pump/update/set`] : [];
      assert.equal(activity.filter(({ kind }) => kind === "event").length, own);
      assert.equal(points.length, own);
      assert.deepEqual(
        activity.flatMap((row) => (row.kind === "sent" ? [row.topic] : [])),
        isTold,
      );
      assert.deepEqual(
        retained.rows.map(({ topic }) => topic),
        isTold,
      );
    });
  }

  it("is told all that has changed once it reads again", async () => {
    const told: string[] = [];
    let isReady = true;
    const feed = new Feed(context.sandbox, new Filter(""), {
      tell: (_name, data) => told.push(JSON.stringify(data)),
      isReady: () => isReady,
      failed: (error) => assert.fail(error),
    });
    try {
      feed.open();
      isReady = false;
      await context.sandbox.sendUpdate("d", "config", 1);
      const other = await follow(`${web.url}/console/feed`);
      const later = other.next(({ totals }) => totals.sent === 2);
      await context.sandbox.sendUpdate("d", "other", 2);
      await later;
      other.close();
      assert.equal(told.length, 1);
      isReady = true;
      while (told.length < 2) await new Promise((resolve) => setImmediate(resolve));
      const { retained, matching } = JSON.parse(told[1] ?? "") as Batch;
      assert.deepEqual([retained?.total, matching], [2, 2]);
    } finally {
      feed.close();
    }
  });

  describe("that cannot be told what there is", () => {
    /** No device can send it: what a program puts in place of an event. */
    const unspeakable = { eventData: { number: 1n }, deviceId: "d", raw: "{}" };
    const arrival = { who: DEMO_ACCOUNT, clientId: "", address: "", qos: 1, dup: false } as const;
    const errors: string[] = [];
    beforeEach(() => {
      errors.length = 0;
      context.sandbox.on("error", ({ message }) => errors.push(message));
    });

    it("ends, and the sandbox goes on and says why", async () => {
      const response = await new Promise<IncomingMessage>((resolve) => {
        get(`${web.url}/console/feed`, { agent: false }, resolve);
      });
      const ended = text(response);
      context.sandbox.store(unspeakable, arrival);
      await assert.rejects(ended, { code: "ECONNRESET" });
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? "", /BigInt/);
      await publish("d", { temperature: 1 });
      assert.equal(context.sandbox.totals.events, 2);
      assert.equal(context.sandbox.listenerCount("event"), 0);
    });

    it("takes no other page's room", async () => {
      context.sandbox.store(unspeakable, arrival);
      for (let at = 1; at <= 25; at += 1) {
        await assert.rejects(web.call("GET", "/console/feed"), { code: "ECONNRESET" });
        assert.equal(errors.length, at);
      }
      assert.equal(context.sandbox.listenerCount("event"), 0);
      assert.deepEqual(context.sandbox.refusals, []);
    });
  });

  for (const [filter, devices] of [
    ["", ["kitchen", "attic", ""]],
    ["KITCHEN", ["kitchen"]],
    ["demo-user temp", ["kitchen", "attic"]],
    ["temp 31", ["attic"]],
    ["raw note", [""]],
    ["cellar", []],
  ] as const) {
    it(`is told only what holds all words of the filter "${filter}"`, async () => {
      await publish("kitchen", { temp: 20 });
      await publish("attic", { temp: 31 });
      await publish("", { note: "no device" });
      const { activity } = await opened(filter);
      assert.deepEqual(
        activity.map((row) => row.kind === "event" && row.deviceId),
        devices,
      );
    });
  }

  for (const [filter, passes] of [
    ["küche", true],
    ["u00fc", false],
    ['say "hi"', true],
    ["ip_address 127.0.0.1", true],
    ["add_client_ip", false],
    ["device_id", false],
  ] as const) {
    it(`looks for "${filter}" in what a row shows, not in how it was written`, async () => {
      const client = await connect(context.sandbox);
      const tags = String.raw`{"ort":"K\u00fcche","words":"say \"hi\""}`;
      const payload = `{"event_data":${tags},"add_client_ip":true}`;
      await client.publishAsync(`0/${OWN}/d`, payload, { qos: 1 });
      assert.equal((await opened(filter)).activity.length, passes ? 1 : 0);
    });
  }

  it("is told the device ID that an event has of its own, but not the one of its topic twice", async () => {
    await publish("", { device_id: "mine", n: 1 });
    await publish("d", { device_id: "mine", n: 2 });
    const { activity } = await opened();
    assert.deepEqual(
      activity.map((row) => row.kind === "event" && row.tags),
      [
        [
          ["device_id", "mine"],
          ["n", "1"],
        ],
        [["n", "2"]],
      ],
    );
  });

  for (const [filter, tags] of [
    ["", ["temp", "motor.speed", "motor.current"]],
    ["temp", ["temp"]],
    ["TEMP 31", ["temp"]],
    ["motor speed", ["motor.speed"]],
    ["temp speed", ["temp", "motor.speed"]],
    ["kitchen", ["temp", "motor.speed", "motor.current"]],
  ] as const) {
    it(`draws of an event the tags whose names hold the most of the filter "${filter}"`, async () => {
      await publish("kitchen", { temp: 31, motor: { speed: 3, current: 1 } });
      const { points } = await opened(filter);
      assert.deepEqual(
        points.map(({ tag }) => tag),
        tags,
      );
    });
  }

  it("is told how many tags have no chart, in the past and from then on", async () => {
    const tags = (from: number, to: number) =>
      Object.fromEntries(Array.from({ length: to - from }, (_, at) => [`tag${from + at}`, at]));
    await publish("plc", tags(0, 20));
    const { points, moreTags } = await opened();
    assert.deepEqual([points.length, moreTags], [12, 8]);
    const later = news(({ matching }) => matching > 0);
    await publish("plc", tags(5, 25));
    const batch = await later;
    assert.deepEqual([batch.points.length, batch.moreTags], [7, 13]);
  });

  it("is told of the retained messages that pass the filter, the newest first", async () => {
    const types = Array.from({ length: 150 }, (_, at) => `type${at}`);
    for (const type of types) await context.sandbox.sendUpdate("d", type, "on");
    const all = (await opened()).retained;
    assert.deepEqual([all.total, all.rows.length], [150, 100]);
    assert.match(all.rows[0]?.topic ?? "", /type149$/);
    page?.close();
    const some = (await opened("TYPE14 on")).retained;
    assert.equal(some.total, 11);
    assert.match(some.rows.at(-1)?.topic ?? "", /type14$/);
  });

  const messages: [form: object, topic: string, retain: boolean][] = [
    [{ kind: "event", deviceId: "d", retain: false }, `1/${OWN}/d/event`, false],
    [{ kind: "event", deviceId: "_all" }, `1/${OWN}/_all/event`, false],
    [
      { kind: "update", deviceId: "d", updateType: "a/b", retain: true },
      `1/${OWN}/d/update/a/b`,
      true,
    ],
    [
      { kind: "update", deviceId: "d", updateType: "c", retain: false },
      `1/${OWN}/d/update/c`,
      false,
    ],
    [{ kind: "group", groupId: "g", updateType: "news" }, "2/demo-project/g/news", false],
  ];
  for (const [form, topic, retain] of messages) {
    it(`sends to ${topic} what it is told to, ${retain ? "retained" : "not retained"}`, async () => {
      const client = await connect(context.sandbox);
      await client.subscribeAsync([`1/${OWN}/#`, "2/demo-project/#"], { qos: 1 });
      const received = inbox(client);
      const { status, body } = await post("/console/send", {
        ...USERS[0],
        ...form,
        payload: '{"fan":"off"}',
      });
      assert.deepEqual([status, body], [200, { topic, receivers: 1 }]);
      const [message] = await received.upTo(1);
      assert.deepEqual([message?.topic, message?.payload], [topic, '{"fan":"off"}']);
      assert.equal(context.sandbox.retained.length, retain ? 1 : 0);
    });
  }

  it("is told when nobody subscribes to what it sends", async () => {
    const { body } = await post("/console/send", {
      ...{ ...USERS[0], kind: "event", deviceId: "d", payload: "" },
    });
    assert.deepEqual(body, { topic: `1/${OWN}/d/event`, receivers: 0 });
  });

  const wrong: [what: string, form: object, code: string][] = [
    ["a device ID that is no topic level", { kind: "event", deviceId: "a/b" }, "LEVEL_CHARACTER"],
    ["no device ID", { kind: "update", updateType: "x" }, "LEVEL_EMPTY"],
    ["no update type", { kind: "group", groupId: "g" }, "LEVEL_EMPTY"],
    ["another kind", { kind: "letter" }, "KIND"],
    ["no user", { kind: "event", deviceId: "d", userMqtt: "" }, "FIELD_MISSING"],
    ["an unknown user", { kind: "event", deviceId: "d", userMqtt: "#" }, "USER_UNKNOWN"],
    [
      "a device that is no text",
      { kind: "event", deviceId: { toString: 1, valueOf: 1 } },
      "FIELD_NOT_TEXT",
    ],
    ["a device that is a list", { kind: "event", deviceId: ["d"] }, "FIELD_NOT_TEXT"],
    ["a group that is a number", { kind: "group", groupId: 7, updateType: "x" }, "FIELD_NOT_TEXT"],
    ["a device as an object", { kind: "event", deviceId: "d", payload: {} }, "FIELD_NOT_TEXT"],
    [
      "a device without a payload",
      { kind: "event", deviceId: "d", payload: null },
      "FIELD_NOT_TEXT",
    ],
    ["an update type that is none", { kind: "update", updateType: false }, "FIELD_NOT_TEXT"],
  ];
  for (const [what, form, code] of wrong) {
    it(`sends nothing to ${what}: 400`, async () => {
      const { status, body } = await post("/console/send", {
        ...USERS[0],
        payload: "",
        ...form,
      });
      assert.deepEqual([status, (body as { code: string }).code], [400, code]);
      assert.equal(context.sandbox.totals.sent, 0);
    });
  }

  it("sends nothing for another site, and removes nothing", async () => {
    for (const path of ["/console/send", "/console/remove"]) {
      const headers = { origin: "https://evil.example" };
      const { status } = await web.call("POST", path, { body: "{}", headers });
      assert.equal(status, 403);
      assert.equal((await web.call("GET", path)).status, 405);
    }
  });

  it("takes no more than a form has", async () => {
    const payload = "x".repeat(200_000);
    const { status, body } = await post("/console/send", {
      ...USERS[0],
      kind: "event",
      deviceId: "d",
      payload,
    });
    assert.deepEqual([status, (body as { code: string }).code], [413, "FORM_TOO_LONG"]);
  });

  it("removes what is retained, so that nobody receives it any more", async () => {
    const topic = `1/${OWN}/d/update/config`;
    await context.sandbox.sendUpdate("d", "config", 1);
    await opened();
    const changed = news(({ retained }) => retained?.total === 0);
    assert.equal((await post("/console/remove", { topic })).status, 200);
    await changed;
    await context.sandbox.sendUpdate("d", "other", 2);
    const client = await connect(context.sandbox);
    const received = inbox(client);
    await client.subscribeAsync(`1/${OWN}/#`);
    assert.deepEqual(
      (await received.upTo(1)).map((message) => message.topic),
      [`1/${OWN}/d/update/other`],
    );
    assert.equal((await post("/console/remove", { topic })).status, 404);
  });

  it("has 20 pages open at the most, and room again when one is closed", async () => {
    const feed = `${web.url}/console/feed`;
    const pages = await Promise.all(Array.from({ length: 20 }, () => follow(feed)));
    assert.equal((await web.call("GET", "/console/feed")).status, 503);
    for (const open of pages) open.close();
    // The server hears of it a moment later.
    let answered = await fetch(feed);
    while (answered.status === 503) answered = await fetch(feed);
    assert.equal(answered.status, 200);
    await answered.body?.cancel();
  });

  describe("asked for again and again on one connection, before the first answer ends", () => {
    const following = () => context.sandbox.listenerCount("event");

    async function pipelined(count: number, port = Number(new URL(web.url).port)): Promise<Socket> {
      const asked = (filter: string) =>
        `GET /console/feed?filter=${filter} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
      const socket = openSocket(port, "127.0.0.1");
      socket.resume().write(asked("nothing") + asked("").repeat(count - 1));
      while (following() < count) await new Promise((resolve) => setImmediate(resolve));
      return socket;
    }

    it("leaves nothing behind when its client is gone, and takes no other page's room", async () => {
      const warnings: string[] = [];
      const onWarning = ({ message }: Error) => warnings.push(message);
      process.on("warning", onWarning);
      try {
        const socket = await pipelined(20);
        socket.destroy();
        while (following() > 0) await new Promise((resolve) => setImmediate(resolve));
        assert.ok(await opened());
        assert.deepEqual(warnings, []);
      } finally {
        process.off("warning", onWarning);
      }
    });

    it("leaves nothing behind once it cannot be told what there is", async () => {
      const failed = once(context.sandbox, "error");
      context.sandbox.on("error", () => undefined);
      const socket = await pipelined(20);
      const arrival = { who, clientId: "", address: "", qos: 1, dup: false } as const;
      context.sandbox.store({ eventData: { number: 1n }, deviceId: "d", raw: "{}" }, arrival);
      await once(socket, "close");
      assert.match(String(await failed), /BigInt/);
      assert.equal(following(), 0);
    });

    it("ends at once when the sandbox no longer serves it", async () => {
      const other = await openWeb(context.sandbox, { port: 0 });
      await pipelined(2, other.port);
      const isClosed = other.close();
      assert.equal(following(), 0);
      await isClosed;
    });
  });

  it("never sees a secret", async () => {
    await publish("d", { temperature: 1 });
    await refusedWith(context.sandbox, { password: "DEMO0KEY/almost" });
    const texts = [JSON.stringify(await opened())];
    for (const path of ["/", "/console.js", "/console.css"]) {
      const { status, text } = await web.call("GET", path);
      assert.equal(status, 200, path);
      texts.push(text);
    }
    assert.doesNotMatch(texts.join(""), /DEMO0KEY|demo\/password|KEY2/);
  });

  it("is served so that nothing but its own files runs in it, and nobody frames it", async () => {
    const { headers } = await web.call("GET", "/");
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; /);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
  });
});

describe("sandbox: console that is opened late", () => {
  let now = Date.parse(NOW);
  const context = eachWithSandbox({
    keep: 10_000,
    now: () => new Date(now).toISOString().replace("Z", "000Z"),
  });
  const web = eachWithWeb(context);

  /** Of each device so many events, one a second. */
  function measured(seconds: number, devices: readonly string[], tags: readonly string[]): void {
    const arrival = { who, clientId: "", address: "", qos: 1, dup: false } as const;
    for (let second = 0; second < seconds; second += 1, now += 1000) {
      for (const deviceId of devices) {
        const eventData = Object.fromEntries(tags.map((tag) => [tag, second]));
        context.sandbox.store({ eventData, deviceId, raw: EVENT }, arrival);
      }
    }
  }

  async function told(filter = ""): Promise<Snapshot> {
    const page = await follow(`${web.url}/console/feed?filter=${filter}`);
    page.close();
    return page.snapshot;
  }

  it("is told that there may have been more than is remembered", async () => {
    measured(1, ["cellar"], ["battery"]);
    assert.equal((await told()).moreActivity, false);
    measured(1, twenty("device"), ["battery"]);
    assert.equal((await told("cellar")).moreActivity, false);
    measured(500, twenty("device"), ["battery"]);
    assert.equal((await told("cellar")).moreActivity, true);
  });

  it("finds by the filter all that the sandbox remembers, however much came after it", async () => {
    measured(1, ["cellar"], ["battery"]);
    await context.sandbox.sendUpdate("cellar", "config", 1);
    measured(2500, ["attic"], ["temperature"]);
    for (let sent = 0; sent < 200; sent += 1) await context.sandbox.sendDeviceEvent("attic", sent);
    const { activity, points } = await told("cellar");
    assert.deepEqual(
      activity.map((row) => (row.kind === "event" ? row.deviceId : row.topic)),
      ["cellar", `1/${OWN}/cellar/update/config`],
    );
    assert.deepEqual(
      points.map(({ tag }) => tag),
      ["battery"],
    );
  });

  it("is told the five minutes that a chart shows, at 20 events a second too", async () => {
    measured(400, twenty("device"), ["temperature", "humidity"]);
    const { points } = await told();
    const times = points.map(({ x }) => x);
    assert.equal(Math.max(...times) - Math.min(...times), 300);
    assert.equal(points.length, 301 * 20 * 2);
  });

  it("is told the latest of a tag that fell silent long ago", async () => {
    measured(1, ["cellar"], ["battery"]);
    measured(400, ["attic"], ["temperature"]);
    const { points } = await told();
    assert.deepEqual(points[0], {
      tag: "battery",
      source: `${OWN}/cellar`,
      x: points[0]?.x,
      y: 0,
    });
    assert.equal(points.length, 1 + 301);
  });

  it("is told of the tags that live, though twelve others came first and fell silent", async () => {
    measured(1, ["old"], twenty("dead").slice(0, 12));
    measured(301, ["new"], twenty("tag").slice(0, 3));
    const { points, moreTags } = await told();
    const tags = [...new Set(points.map(({ tag }) => tag))];
    assert.deepEqual(tags.slice(-3), ["tag0", "tag1", "tag2"]);
    assert.deepEqual([tags.length, moreTags], [12, 3]);
  });

  it("is told, when a tag comes to life, which silent one gives its chart to it", async () => {
    measured(1, ["old"], twenty("dead").slice(0, 12));
    now += 301_000;
    measured(1, ["old"], ["dead0"]);
    const page = await follow(`${web.url}/console/feed`);
    const heard = page.next(({ points }) => points.length > 0);
    measured(1, ["new"], ["live"]);
    const { points, gone, moreTags } = await heard;
    page.close();
    assert.deepEqual([points[0]?.tag, gone, moreTags], ["live", ["dead1"], 1]);
  });

  it("is told 50,000 points at the most, and those the latest", async () => {
    measured(500, twenty("device"), twenty("tag"));
    const { points, activity, moreTags } = await told();
    assert.deepEqual([points.length, activity.length, moreTags], [50_000, 150, 8]);
    assert.equal(points.at(-1)?.y, 499);
    assert.equal(points[0]?.y, 291);
  });
});

function twenty(name: string): string[] {
  return Array.from({ length: 20 }, (_, at) => `${name}${at}`);
}
