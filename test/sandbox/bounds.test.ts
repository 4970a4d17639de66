// What the sandbox does when it holds as much as it may (sandbox/bounds.ts, docs/sandbox.md: Safety and bounds).
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect as openSocket, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { MqttClient } from "mqtt";
import { generate, parser } from "mqtt-packet";
import { Persistence } from "../../sandbox/broker/persistence";
import { SessionFilters } from "../../sandbox/broker/session-filters";
import { rules } from "../../sandbox/cloud/workflows";
import { DEMO_ACCOUNT, type Sandbox } from "../../sandbox/sandbox";
import {
  closed,
  connect,
  connectBytes,
  EVENT,
  eachWithSandbox,
  inbox,
  loginOf,
  OWN,
  client as openClient,
  refusedWith,
  suback,
} from "./clients";
import { eachWithWeb } from "./web";

const SIX_MEGABYTES = Buffer.alloc(6_000_000, "x");

describe("sandbox: bounds", () => {
  const business = {
    ...DEMO_ACCOUNT,
    userMqtt: "office",
    loginId: "office",
    role: "business",
  } as const;
  const context = eachWithSandbox(() => ({
    accounts: [DEMO_ACCOUNT, business],
    rules: rules([{ kind: "welcome", updateType: "hello", payload: 1 }]),
    bounds: { retained: 2, waiting: 4, sessions: 2, subscriptions: 2, devices: 2, users: 1 },
  }));
  const web = eachWithWeb(context);

  const told = () =>
    context.sandbox.refusals.map(({ code, clientId, topic }) => [code, clientId ?? topic]);

  describe("retained messages", () => {
    const update = (type: string, payload: unknown = type) =>
      context.sandbox.sendUpdate("d", type, payload);
    const kept = () => context.sandbox.retained.map(({ payload }) => payload.toString());

    it("of a topic too many are sent, but not retained, and it is told which and why", async () => {
      const client = await connect(context.sandbox);
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      const received = inbox(client);
      for (const type of ["a", "b", "c"]) await update(type);
      const live = await received.upTo(3);
      assert.deepEqual(
        live.map(({ payload }) => payload),
        ["a", "b", "c"],
      );
      assert.deepEqual(kept(), ["a", "b"]);
      assert.deepEqual(told(), [["RETAINED_FULL", `1/${OWN}/d/update/c`]]);
      assert.deepEqual(
        context.sandbox.sent.map(({ retain, notRetained }) => [retain, notRetained]),
        [
          [true, undefined],
          [true, undefined],
          [false, true],
        ],
      );
      const later = await connect(context.sandbox);
      const past = inbox(later);
      await later.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      await context.sandbox.sendDeviceEvent("d", "the end");
      assert.deepEqual((await past.upTo(3)).map(({ payload }) => payload).sort(), [
        "a",
        "b",
        "the end",
      ]);
    });

    it("give way to a newer one of their topic, and leave room when they are removed", async () => {
      for (const type of ["a", "b"]) await update(type);
      await update("a", "newer");
      await update("b", "");
      await update("c");
      assert.deepEqual(kept(), ["newer", "c"]);
      assert.deepEqual(told(), []);
    });

    it("are counted one after the other, however many are sent at once", async () => {
      await Promise.all(["a", "b", "c", "d"].map((type) => update(type)));
      assert.deepEqual(kept(), ["a", "b"]);
      assert.deepEqual(
        told().map(([code]) => code),
        ["RETAINED_FULL", "RETAINED_FULL"],
      );
    });

    it("have 16 MB together", async () => {
      await update("a", Buffer.concat([SIX_MEGABYTES, SIX_MEGABYTES]));
      await update("b", SIX_MEGABYTES);
      assert.deepEqual(told(), [["RETAINED_FULL", `1/${OWN}/d/update/b`]]);
      await update("a", SIX_MEGABYTES);
      await update("b", SIX_MEGABYTES);
      assert.equal(kept().length, 2);
    });
  });

  describe("messages that wait for a client", () => {
    const session = (clientId: string) => ({ clientId, clean: false });

    async function away(clientId: string): Promise<void> {
      const client = await connect(context.sandbox, session(clientId));
      await client.subscribeAsync(`1/${OWN}/${clientId}/#`, { qos: 1 });
      await leave(client);
    }

    async function leave(client: MqttClient): Promise<void> {
      const gone = context.sandbox.next("disconnected");
      await client.endAsync();
      await gone;
    }

    /** All that a client missed: what is sent to it now comes last. */
    async function missed(clientId: string): Promise<string[]> {
      const client = await connect(context.sandbox, session(clientId));
      const received = inbox(client);
      const isLast = new Promise((resolve) =>
        client.on("message", (_topic, payload) => {
          if (payload.toString() === "last") resolve(payload);
        }),
      );
      await context.sandbox.sendDeviceEvent(clientId, "last");
      await isLast;
      return received.messages.map(({ payload }) => payload);
    }

    it("are so many for all clients together, and the oldest give way; it is told once", async () => {
      await away("a");
      await away("b");
      for (const number of [1, 2, 3]) {
        await context.sandbox.sendDeviceEvent("a", `a${number}`);
        await context.sandbox.sendDeviceEvent("b", `b${number}`);
      }
      assert.deepEqual(told(), [["WAITING_FULL", "a"]]);
      assert.deepEqual(await missed("a"), ["a2", "a3", "last"]);
      assert.deepEqual(await missed("b"), ["b2", "b3", "last"]);
    });

    it("are told of anew when there was room for half as many in between", async () => {
      await away("a");
      for (let number = 0; number < 5; number += 1)
        await context.sandbox.sendDeviceEvent("a", number);
      await missed("a");
      await leave(await connect(context.sandbox, session("a")));
      for (let number = 0; number < 5; number += 1)
        await context.sandbox.sendDeviceEvent("a", number);
      assert.deepEqual(told(), [
        ["WAITING_FULL", "a"],
        ["WAITING_FULL", "a"],
      ]);
    });

    it("have 16 MB together", async () => {
      await away("a");
      for (const last of ["1", "2", "3"]) {
        await context.sandbox.sendDeviceEvent(
          "a",
          Buffer.concat([SIX_MEGABYTES, Buffer.from(last)]),
        );
      }
      const payloads = await missed("a");
      assert.deepEqual(
        payloads.map((payload) => payload.slice(-1)),
        ["2", "3", "t"],
      );
    });

    it("do not stop a client that acknowledges later than they give way", async () => {
      const client = await connect(context.sandbox, session("slow"));
      await client.subscribeAsync(`1/${OWN}/slow/#`, { qos: 2 });
      const received = inbox(client);
      // mqtt.js looks at no other packet until this calls back.
      const goOn = new Promise<() => void>((resolve) => {
        const { handleMessage } = client;
        client.handleMessage = (_packet, done) => {
          client.handleMessage = handleMessage;
          resolve(done);
        };
      });
      const send = (number: number) => context.sandbox.sendDeviceEvent("slow", number, { qos: 2 });
      await send(0);
      const acknowledge = await goOn;
      for (const number of [1, 2, 3, 4, 5]) await send(number);
      acknowledge();
      const payloads = (await received.upTo(6)).map(({ payload }) => Number(payload));
      assert.deepEqual(payloads, [0, 1, 2, 3, 4, 5]);
      assert.equal(client.connected, true);
    });

    it("come again until they are acknowledged, also if several filters of a session match", async () => {
      const client = await connect(context.sandbox, session("a"));
      // mqtt.js acknowledges once this calls back.
      client.handleMessage = () => undefined;
      await client.subscribeAsync([`1/${OWN}/#`, `1/${OWN}/a/#`], { qos: 1 });
      const received = inbox(client);
      await context.sandbox.sendDeviceEvent("a", "unheard");
      await received.upTo(1);
      await leave(client);
      assert.deepEqual(await missed("a"), ["unheard", "last"]);
      await leave(await connect(context.sandbox, session("a")));
      assert.deepEqual(await missed("a"), ["last"]);
    });

    it("are one of each, whatever filters of a session overlap", async () => {
      const client = await connect(context.sandbox, session("a"));
      await client.subscribeAsync([`1/${OWN}/#`, `1/${OWN}/a/#`], { qos: 1 });
      await leave(client);
      await context.sandbox.sendDeviceEvent("a", "once");
      assert.deepEqual(await missed("a"), ["once", "last"]);
    });

    it("wait in so many sessions: the one whose client is away longest ends", async () => {
      for (const clientId of ["a", "b"]) await away(clientId);
      await context.sandbox.sendDeviceEvent("b", "never heard");
      await leave(await connect(context.sandbox, session("a")));
      await away("c");
      assert.deepEqual(told(), [["SESSIONS_FULL", "b"]]);
      const connected = context.sandbox.next("connected");
      const client = await connect(context.sandbox, session("b"));
      const received = inbox(client);
      assert.equal((await connected).sessionPresent, false);
      await client.subscribeAsync(`1/${OWN}/b/#`, { qos: 1 });
      for (const clientId of ["a", "b", "c"])
        await context.sandbox.sendDeviceEvent(clientId, "new");
      assert.deepEqual(
        (await received.upTo(1)).map(({ payload }) => payload),
        ["new"],
      );
      assert.deepEqual(await missed("a"), ["new", "last"]);
      assert.deepEqual(await missed("c"), ["new", "last"]);
    });

    it("wait in sessions of which none ends while its client is there", async () => {
      await away("a");
      const client = await connect(context.sandbox, session("a"));
      for (const clientId of ["b", "c"]) await away(clientId);
      assert.deepEqual(told(), []);
      await leave(client);
      assert.deepEqual(told(), [["SESSIONS_FULL", "b"]]);
    });
  });

  it("a client has so many subscriptions, and one more is refused with 0x80", async () => {
    const client = await connect(context.sandbox);
    const [one, two, three] = ["a", "b", "c"].map((device) => `1/${OWN}/${device}/#`) as [
      string,
      string,
      string,
    ];
    assert.deepEqual(await suback(client, [one, two, three]), [1, 1, 128]);
    assert.equal(context.sandbox.refusals[0]?.code, "SUBSCRIPTIONS_FULL");
    assert.deepEqual(await suback(client, [one]), [1]);
    await client.unsubscribeAsync(two);
    assert.deepEqual(await suback(client, [three]), [1]);
  });

  describe("subscriptions of all sessions together", () => {
    const ofAll = eachWithSandbox({ bounds: { filters: 3, sessions: 1 } });
    const filters = (clientId: string, count: number) =>
      [...Array(count).keys()].map((number) => `1/${OWN}/${clientId}${number}/#`);
    const options = (clientId: string, clean: boolean) => ({ clientId, clean });

    async function subscribed(clientId: string, clean: boolean, count: number) {
      const subscriber = await connect(ofAll.sandbox, options(clientId, clean));
      return { subscriber, granted: await suback(subscriber, filters(clientId, count)) };
    }

    async function gone(subscriber: MqttClient): Promise<void> {
      const disconnected = ofAll.sandbox.next("disconnected");
      await subscriber.endAsync();
      await disconnected;
    }

    it("are so many, also of who is away, and one more is refused with 0x80", async () => {
      const { subscriber } = await subscribed("away", false, 2);
      await gone(subscriber);
      const { subscriber: here, granted } = await subscribed("here", true, 2);
      assert.deepEqual(granted, [1, 128]);
      assert.deepEqual(
        ofAll.sandbox.refusals.map(({ code, what, filter }) => [code, what, filter]),
        [["FILTERS_FULL", "subscribe", filters("here", 2)[1]]],
      );
      await here.unsubscribeAsync(filters("here", 1));
      assert.deepEqual(await suback(here, filters("here", 2).reverse()), [1, 128]);
      await connect(ofAll.sandbox, options("away", false));
      assert.equal(ofAll.sandbox.refusals.length, 2);
    });

    it("leave room when a client without a session goes", async () => {
      await gone((await subscribed("a", true, 3)).subscriber);
      assert.deepEqual((await subscribed("b", true, 3)).granted, [1, 1, 1]);
    });

    it("leave room when a client asks for no session any more", async () => {
      await gone((await subscribed("a", false, 3)).subscriber);
      await connect(ofAll.sandbox, options("a", true));
      assert.deepEqual((await subscribed("b", true, 3)).granted, [1, 1, 1]);
    });

    it("leave room when a session ends whose client is away longest", async () => {
      await gone((await subscribed("a", false, 3)).subscriber);
      await gone(await connect(ofAll.sandbox, options("b", false)));
      assert.deepEqual((await subscribed("c", true, 3)).granted, [1, 1, 1]);
    });

    it("have 16 million characters", () => {
      const all = new SessionFilters({ ofOne: 10, ofAll: 10 });
      for (const clientId of ["a", "b"]) all.add(clientId, "x".repeat(8_000_000));
      assert.throws(() => all.add("c", "x"), { code: "FILTERS_FULL" });
      all.end("a");
      all.add("c", "x");
    });
  });

  describe("connections", () => {
    const few = eachWithSandbox({ bounds: { clients: 2 } });

    it("are so many, logged in or not, and one more is closed and told of", async () => {
      const idle = openSocket(few.sandbox.port, "127.0.0.1");
      await once(idle, "connect");
      await connect(few.sandbox);
      const refusal = few.sandbox.next("refusal");
      await once(openSocket(few.sandbox.port, "127.0.0.1"), "close");
      const { what, code } = await refusal;
      assert.deepEqual([what, code], ["connect", "CLIENTS_FULL"]);
      idle.end();
      await once(idle, "close");
      await connect(few.sandbox);
    });
  });

  describe("a session whose client is on its way in", () => {
    const NEIGHBOUR = { ...DEMO_ACCOUNT, userMqtt: "neighbour", apiKey: "N", userPassword: "n" };
    const one = eachWithSandbox({ accounts: [DEMO_ACCOUNT, NEIGHBOUR], bounds: { sessions: 1 } });
    const session = (clientId: string) => ({ clientId, clean: false });

    async function away(sandbox: Sandbox, clientId: string): Promise<void> {
      const subscriber = await connect(sandbox, session(clientId));
      await subscriber.subscribeAsync([`1/${OWN}/#`, "2/demo-project/#"], { qos: 1 });
      const gone = sandbox.next("disconnected");
      await subscriber.endAsync();
      await gone;
    }

    it("does not end, though another client leaves at that moment", async () => {
      await away(one.sandbox, "a");
      one.sandbox.configure({ accounts: [NEIGHBOUR], rules: [] });
      await connect(one.sandbox, { ...session("b"), ...loginOf(NEIGHBOUR) });
      const left = one.sandbox.next("disconnected");
      // While the broker restores the filters, of which the neighbour may not have one.
      one.sandbox.once("refusal", () => one.sandbox.kick("b"));
      const connected = one.sandbox.next("connected");
      const client = await connect(one.sandbox, { ...session("a"), ...loginOf(NEIGHBOUR) });
      assert.equal((await connected).sessionPresent, true);
      await left;
      const gone = one.sandbox.next("disconnected");
      await client.endAsync();
      await gone;
      assert.deepEqual(
        one.sandbox.refusals.map(({ code, clientId }) => [code, clientId]),
        [
          ["FILTER_FOREIGN", "a"],
          ["SESSIONS_FULL", "b"],
        ],
      );
    });

    describe("that does not get in", () => {
      const two = eachWithSandbox({ accounts: [DEMO_ACCOUNT, NEIGHBOUR], bounds: { sessions: 2 } });
      const ended = () =>
        two.sandbox.refusals
          .filter(({ code }) => code === "SESSIONS_FULL")
          .map(({ clientId }) => clientId);

      it("is away as long as before, if it is turned away", async () => {
        for (const clientId of ["a", "b"]) await away(two.sandbox, clientId);
        await refusedWith(two.sandbox, { ...session("a"), password: "DEMO0KEY/wrong" });
        await away(two.sandbox, "c");
        assert.deepEqual(ended(), ["a"]);
      });

      it("is away since then, if it breaks off", async () => {
        for (const clientId of ["a", "b"]) await away(two.sandbox, clientId);
        two.sandbox.configure({ accounts: [NEIGHBOUR], rules: [] });
        const { username = "", password = "" } = loginOf(NEIGHBOUR);
        const socket = openSocket(two.sandbox.port, "127.0.0.1");
        two.sandbox.once("refusal", () => socket.destroy());
        socket.write(connectBytes({ ...session("a"), username, password: Buffer.from(password) }));
        await once(socket, "close");
        two.sandbox.configure({ accounts: [DEMO_ACCOUNT, NEIGHBOUR], rules: [] });
        await away(two.sandbox, "c");
        assert.deepEqual(ended(), ["b"]);
        await away(two.sandbox, "d");
        assert.deepEqual(ended(), ["b", "a"]);
      });
    });
  });

  it("a workflow forgets the device that it heard of longest ago, and that is told once", async () => {
    const client = await connect(context.sandbox);
    const welcomed: (string | undefined)[] = [];
    context.sandbox.on("sent", ({ topic }) => welcomed.push(topic.split("/")[3]));
    for (const device of ["a", "b", "a", "c", "a", "b"]) {
      await client.publishAsync(`0/${OWN}/${device}`, EVENT, { qos: 1 });
    }
    assert.deepEqual(welcomed, ["a", "b", "c", "b"]);
    const forgetting = context.sandbox.refusals.filter(({ code }) => code === "DEVICES_FULL");
    assert.equal(forgetting.length, 1);
  });

  it("so many users are made over REST, and one more is answered with 403", async () => {
    const login = { login_id: "office", password: "demo/password", api_key: "DEMO0KEY" };
    const { text } = await web.call("POST", "/v2/login?no_cookies=1", {
      body: JSON.stringify(login),
    });
    const make = (login_id: string) =>
      web.call("POST", `/v2/users?token=${JSON.parse(text)}`, {
        body: JSON.stringify({ login_id, password: "long enough" }),
      });
    assert.equal((await make("one")).status, 200);
    const { status, body } = await make("two");
    assert.deepEqual([status, (body as { code: string }).code], [403, "USERS_FULL"]);
  });
});

describe("sandbox: a SUBSCRIBE with thousands of filters", function () {
  this.timeout(60_000);

  const FILTERS = 4000;
  const context = eachWithSandbox({ bounds: { subscriptions: FILTERS } });

  it("is answered soon, and its session has them all", async () => {
    const session = { clientId: "many", clean: false };
    const client = await connect(context.sandbox, session);
    const filters = [...Array(FILTERS).keys()].map((number) => `1/${OWN}/${number}/#`);
    const asked = performance.now();
    assert.deepEqual(new Set(await suback(client, filters)), new Set([1]));
    const milliseconds = performance.now() - asked;
    assert.ok(milliseconds < 2500, `${milliseconds} ms`);
    await client.endAsync();
    const connected = context.sandbox.next("connected");
    await connect(context.sandbox, session);
    assert.equal((await connected).subscriptions.length, FILTERS);
  });

  it("is answered soon when as many messages are retained, and others are served meanwhile", async () => {
    const numbers = [...Array(FILTERS).keys()];
    await Promise.all(
      numbers.map((number) => context.sandbox.sendUpdate(`${number}`, "hello", number)),
    );
    const client = await connect(context.sandbox);
    const { upTo } = inbox(client);
    const other = await connect(context.sandbox);
    const asked = performance.now();
    const elsewhere = numbers.slice(0, 999).map((number) => `1/${OWN}/new ${number}/#`);
    await suback(client, [...elsewhere, `1/${OWN}/7/#`]);
    await other.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
    const milliseconds = performance.now() - asked;
    assert.ok(milliseconds < 1000, `${milliseconds} ms`);
    assert.equal((await upTo(1))[0]?.payload, "7");
  });
});

describe("sandbox: memory of events", () => {
  const context = eachWithSandbox();
  const web = eachWithWeb(context);

  it("takes what they are made of into account, not only their length", async () => {
    const client = await connect(context.sandbox);
    const objects = Array(21_800).fill("{}").join(",");
    for (let event = 0; event < 30; event += 1) {
      await client.publishAsync(`0/${OWN}/d`, `{"event_data":{"a":[${objects}]}}`, { qos: 1 });
    }
    // Each counts as 65,421 characters and 43,601 values.
    assert.equal(context.sandbox.events.length, 22);
  });

  it("does not keep the body of a request that brought them", async () => {
    const { loginId: login_id, userPassword: password, apiKey: api_key } = DEMO_ACCOUNT;
    const { text } = await web.call("POST", "/v2/login?no_cookies=1", {
      body: JSON.stringify({ login_id, password, api_key }),
    });
    const body = EVENT.padEnd(9_900_000, " ");
    setFlagsFromString("--expose-gc");
    const before = memory();
    for (let post = 0; post < 10; post += 1) {
      await web.call("POST", `/v2/events/raw?token=${JSON.parse(text)}`, { body });
    }
    assert.equal(context.sandbox.events.length, 10);
    assert.ok(memory() - before < 40_000_000, `${memory() - before} bytes`);
  });

  /** Bytes, without what nobody holds any more. */
  function memory(): number {
    runInNewContext("gc")();
    return process.memoryUsage().heapUsed;
  }
});

describe("sandbox: answers of workflows", function () {
  this.timeout(60_000);

  const ANSWERED = 20_000;
  let unsent = 0;
  let most = 0;
  const context = eachWithSandbox({
    rules: [
      async (event, cloud) => {
        unsent += 1;
        most = Math.max(most, unsent);
        await cloud.sendDeviceEvent(event.deviceId || "d", "an answer");
        unsent -= 1;
      },
    ],
  });
  const web = eachWithWeb(context);
  beforeEach(() => {
    most = 0;
  });

  async function subscriber() {
    const client = await connect(context.sandbox);
    await client.subscribeAsync(`1/${OWN}/#`, { qos: 0 });
    return inbox(client);
  }

  it("do not pile up while events come: a client has to wait for them", async () => {
    const { upTo } = await subscriber();
    const client = await connect(context.sandbox);
    for (let event = 0; event < ANSWERED; event += 1) {
      client.publish(`0/${OWN}/d`, EVENT, { qos: 0 });
    }
    await upTo(ANSWERED);
    assert.ok(most < ANSWERED / 4, `${most} answers waited`);
  });

  it("do not pile up while a body of events is stored", async () => {
    const { upTo } = await subscriber();
    const login = {
      login_id: DEMO_ACCOUNT.loginId,
      password: DEMO_ACCOUNT.userPassword,
      api_key: DEMO_ACCOUNT.apiKey,
    };
    const { text } = await web.call("POST", "/v2/login?no_cookies=1", {
      body: JSON.stringify(login),
    });
    const { body } = await web.call("POST", `/v2/events/raw?token=${JSON.parse(text)}`, {
      body: `${EVENT}\n`.repeat(ANSWERED),
    });
    assert.equal(body, ANSWERED);
    await upTo(ANSWERED);
    assert.ok(most < ANSWERED / 4, `${most} answers waited`);
  });
});

describe("sandbox: messages that give way", () => {
  const message = (payload: Buffer | string) => ({
    ...({ cmd: "publish", topic: "t", qos: 1, dup: false, retain: false } as const),
    ...{ brokerId: "b", brokerCounter: 1, payload },
  });

  function persistence(limit: number) {
    const told: string[] = [];
    const opened = new Persistence({
      limit,
      overflowed: (clientId) => told.push(clientId),
      isLetIn: () => true,
      ended: () => undefined,
      retainsFor: () => true,
    });
    const enqueue = async (clientId: string, ...payloads: (Buffer | string)[]) => {
      for (const payload of payloads) await opened.outgoingEnqueue({ clientId }, message(payload));
    };
    return { opened, enqueue, told };
  }

  it("are told once while they are too heavy, whoever acknowledges what", async () => {
    const { opened, enqueue, told } = persistence(10);
    await enqueue("a", SIX_MEGABYTES, SIX_MEGABYTES, SIX_MEGABYTES);
    await opened.outgoingClearMessageId({ id: "b" }, { messageId: 1 });
    await enqueue("a", SIX_MEGABYTES);
    assert.deepEqual(told, ["a"]);
  });

  it("are told anew when a session with more than half of them has ended", async () => {
    const { opened, enqueue, told } = persistence(2);
    await enqueue("a", "1", "2", "3");
    await opened.endSession("a");
    await enqueue("b", "1", "2", "3");
    assert.deepEqual(told, ["a", "b"]);
  });
});

describe("sandbox: messages at QoS 2 that are not released", () => {
  const neighbour = { ...DEMO_ACCOUNT, userMqtt: "neighbour", apiKey: "N", userPassword: "n" };
  const context = eachWithSandbox({ accounts: [DEMO_ACCOUNT, neighbour] });

  const event = { cmd: "publish", topic: `0/${OWN}/d`, payload: EVENT, qos: 2 } as const;
  const publish = (messageId: number) =>
    generate({ ...event, messageId, dup: false, retain: false });

  /** Publishes events by their ids, as a client with a session does, and releases none. */
  async function begun(...messageIds: number[]): Promise<Socket> {
    const socket = openSocket(context.sandbox.port, "127.0.0.1");
    const packets = messageIds.map(publish);
    const answered = new Promise<void>((resolve) => {
      const answers = parser();
      let pubrecs = 0;
      answers.on("packet", ({ cmd }) => {
        if (cmd === "connack") socket.write(Buffer.concat(packets));
        if (cmd === "pubrec") pubrecs += 1;
        if (pubrecs === messageIds.length) resolve();
      });
      socket.on("data", (chunk) => answers.parse(chunk));
      socket.once("close", () => resolve());
    });
    socket.write(connectBytes({ clean: false, clientId: "unreleased" }));
    await answered;
    return socket;
  }

  async function leave(socket: Socket): Promise<void> {
    const gone = context.sandbox.next("disconnected");
    socket.destroy();
    await gone;
  }

  for (const [who, login] of [
    ["a stranger", { password: "DEMO0KEY/wrong" }],
    ["another user", loginOf(neighbour)],
  ] as const) {
    it(`are known when they come again, though ${who} was turned away who gave the client ID`, async () => {
      const owner = await begun(7);
      await closed(openClient(context.sandbox, { clientId: "unreleased", clean: true, ...login }));
      const received = once(owner, "data");
      owner.write(publish(7));
      await received;
      assert.equal(context.sandbox.events.length, 1);
      await leave(owner);
    });
  }

  it("are forgotten with the connection of a client that wants no session", async () => {
    await leave(await begun(7));
    const clean = await connect(context.sandbox, { clientId: "unreleased", clean: true });
    await clean.endAsync();
    await leave(await begun(7));
    assert.equal(context.sandbox.events.length, 2);
  });

  it("are 1,000 of a session, over however many connections, and one more ends its connection", async () => {
    const ids = [...Array(1000).keys()].map((index) => index + 1);
    await leave(await begun(...ids.slice(0, 600)));
    const second = await begun(...ids.slice(600));
    assert.equal(context.sandbox.refusals.length, 0);
    await leave(second);
    assert.equal((await begun(1001)).destroyed, true);
    assert.equal(context.sandbox.refusals[0]?.code, "UNRELEASED_FULL");
    const third = await begun(1000);
    const released = once(third, "data");
    third.write(generate({ cmd: "pubrel", messageId: 7 }));
    await released;
    await leave(third);
    await leave(await begun(1001));
    assert.equal(context.sandbox.refusals.length, 1);
    assert.equal(context.sandbox.totals.events, 1001);
  });
});
