// Bad weather on purpose (sandbox/broker/weather.ts), as a client meets it.
import { strict as assert } from "node:assert";
import { once as comes } from "node:events";
import { connect as openSocket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { mock } from "node:test";
import { generate, parser } from "mqtt-packet";
import { Weather } from "../../../sandbox/broker/weather";
import { DEMO_ACCOUNT } from "../../../sandbox/sandbox";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  openConnection,
  sendNumbers,
} from "../../support/connections";
import { deviceRequest, subscriber } from "../../support/subscribers";
import {
  client,
  closed,
  connect,
  connectBytes,
  EVENT,
  eachWithSandbox,
  inbox,
  loginOf,
  OWN,
  refusedWith,
  suback,
} from "../clients";
import { eachWithWeb } from "../web";

/** Happens once, and then never again. */
function once(): () => number {
  let left = 1;
  return () => (left-- > 0 ? 0 : 0.99);
}

describe("sandbox: weather", () => {
  describe("that drops events", () => {
    const context = eachWithSandbox(() => ({ weather: { drop: 0.5, random: once() } }));

    it("cuts the connection instead of storing one, and the client may try again", async () => {
      const first = await connect(context.sandbox);
      const gone = closed(first);
      const disconnected = context.sandbox.next("disconnected");
      first.publish(`0/${OWN}/d`, EVENT, { qos: 1 });
      await gone;
      assert.equal((await disconnected).reason, "cut by the weather");
      assert.deepEqual(context.sandbox.events, []);
      assert.deepEqual(context.sandbox.refusals, []);
      const second = await connect(context.sandbox);
      await second.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
      assert.equal(context.sandbox.events.length, 1);
    });
  });

  describe("that refuses", () => {
    const context = eachWithSandbox(() => ({ weather: { refuse: 0.5, random: once() } }));
    const web = eachWithWeb(context);

    it("answers a login with return code 3, server unavailable", async () => {
      assert.equal(await refusedWith(context.sandbox, {}), 3);
      assert.equal(context.sandbox.refusals[0]?.code, "WEATHER");
      await connect(context.sandbox);
    });

    it("answers a REST request with 503, and leaves the console alone", async () => {
      assert.equal((await web.call("GET", "/console/nothing")).status, 404);
      assert.equal((await web.call("GET", "/v2/events/raw")).status, 503);
      assert.equal((await web.call("GET", "/v2/events/raw")).status, 401);
    });
  });

  describe("that is late", () => {
    const context = eachWithSandbox({ weather: { latency: 20 } });

    it("delivers everything, in order, both ways", async () => {
      const client = await connect(context.sandbox);
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      const received = inbox(client);
      const payload = "x".repeat(50_000);
      const numbers = [...Array(50).keys()];
      for (const number of numbers) {
        client.publish(`0/${OWN}/d`, JSON.stringify({ event_data: { number, payload } }), {
          qos: 1,
        });
        await context.sandbox.sendDeviceEvent("d", { number });
      }
      const messages = await received.upTo(50);
      assert.deepEqual(
        messages.map((message) => JSON.parse(message.payload).number),
        numbers,
      );
      while (context.sandbox.events.length < 50) await context.sandbox.next("event");
      assert.deepEqual(
        context.sandbox.events.map(({ eventData }) => eventData.number),
        numbers,
      );
    });

    it("answers a login that it refuses, too", async () => {
      assert.equal(await refusedWith(context.sandbox, { password: "DEMO0KEY/wrong" }), 4);
    });

    it("lets a client go, and a cut one too", async () => {
      const client = await connect(context.sandbox, { clientId: "a" });
      const disconnected = context.sandbox.next("disconnected");
      await client.endAsync();
      assert.equal((await disconnected).graceful, true);
      const cut = await connect(context.sandbox, { clientId: "b" });
      const gone = closed(cut);
      context.sandbox.kick("b");
      await gone;
    });
  });

  describe("that is later than MQTT clients and brokers wait", () => {
    const context = eachWithSandbox({ weather: { latency: 31_000 } });
    // A hundred times as fast as it says.
    beforeEach(() => {
      const { setTimeout: later } = globalThis;
      const hastened = (step: () => void, milliseconds = 0) => later(step, milliseconds / 100);
      mock.method(globalThis, "setTimeout", hastened);
    });
    afterEach(() => mock.restoreAll());

    it("lets a client in, and brings it more than a line holds", async () => {
      const MESSAGES = 80;
      const socket = openSocket(context.sandbox.port, "127.0.0.1");
      const arrived = new Promise<void>((resolve) => {
        const packets = parser();
        let messages = 0;
        packets.on("packet", ({ cmd }) => {
          if (cmd === "publish") messages += 1;
          if (messages === MESSAGES) resolve();
        });
        socket.on("data", (chunk) => packets.parse(chunk));
      });
      socket.write(connectBytes());
      const connack = comes(socket, "data");
      await context.sandbox.next("connected");
      await connack;
      const subscriptions = [{ topic: `1/${OWN}/#`, qos: 0 as const }];
      socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions }));
      await context.sandbox.next("subscribed");
      for (let message = 0; message < MESSAGES; message += 1)
        void context.sandbox.sendDeviceEvent("d", Buffer.alloc(50_000));
      await arrived;
      assert.equal(context.sandbox.clients.length, 1);
      socket.destroy();
    });
  });

  describe("of a broker without QoS 2", () => {
    const context = eachWithSandbox({ weather: { noQos2: true } });

    it("grants QoS 1, and delivers at QoS 1 at the most", async () => {
      const client = await connect(context.sandbox);
      const [granted] = await client.subscribeAsync(`1/${OWN}/#`, { qos: 2 });
      assert.equal(granted?.qos, 1);
      const received = inbox(client);
      await context.sandbox.sendDeviceEvent("d", "two", { qos: 2 });
      assert.equal((await received.upTo(1))[0]?.qos, 1);
      assert.deepEqual(context.sandbox.clients[0]?.subscriptions, [
        { filter: `1/${OWN}/#`, qos: 1 },
      ]);
    });

    it("grants what a session had asked for at QoS 1, too, when it goes on", async () => {
      const session = { clientId: "kept", clean: false };
      const first = await connect(context.sandbox, session);
      await first.subscribeAsync(`1/${OWN}/#`, { qos: 2 });
      await first.endAsync();
      await context.sandbox.sendDeviceEvent("d", "meanwhile", { qos: 2 });
      const second = client(context.sandbox, session);
      const [message] = await inbox(second).upTo(1);
      assert.equal(message?.qos, 1);
    });

    it("answers an event at QoS 2 with PUBACK, and stores it once", async () => {
      const client = await connect(context.sandbox);
      const answers: string[] = [];
      client.on("packetreceive", ({ cmd }) => answers.push(cmd));
      await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 2 });
      await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 0 });
      await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
      assert.deepEqual(answers, ["puback", "puback"]);
      assert.deepEqual(
        context.sandbox.events.map(({ qos }) => qos),
        [1, 0, 1],
      );
    });

    it("costs the nodes no event, and one warning says that they go at QoS 1", async () => {
      const connection = await onlineConnection(context.sandbox);
      try {
        const warnings: string[] = [];
        connection.on("warning", ({ code }) => warnings.push(code));
        assert.deepEqual(await sendNumbers(connection, 50, 2), Array(50).fill(undefined));
        assert.deepEqual(warnings, ["QOS_LOWERED"]);
        assert.equal(context.sandbox.events.length, 50);
      } finally {
        await closeConnections();
      }
    });
  });

  describe("of a broker that retains for exact topics only", () => {
    const context = eachWithSandbox({ weather: { noRetainedWildcards: true } });

    it("brings what is retained to a filter without wildcards, and to no other", async () => {
      const topic = `1/${OWN}/d/update/config`;
      await context.sandbox.sendUpdate("d", "config", "kept");
      const client = await connect(context.sandbox);
      const received = inbox(client);
      await client.subscribeAsync(`1/${OWN}/d/#`, { qos: 1 });
      await client.subscribeAsync(`1/${OWN}/+/update/config`, { qos: 1 });
      await context.sandbox.sendDeviceEvent("d", "now");
      await received.upTo(1);
      await client.subscribeAsync(topic, { qos: 1 });
      const messages = await received.upTo(2);
      assert.deepEqual(
        messages.map(({ payload, retain }) => [payload, retain]),
        [
          ["now", false],
          ["kept", true],
        ],
      );
    });
  });

  describe("of a broker for which dots are slashes", () => {
    const context = eachWithSandbox({ weather: { slashDots: true } });

    it("has the event of a device with a dot for one of the device before it", async () => {
      const client = await connect(context.sandbox);
      for (const device of ["v1.2", "v2", ""]) {
        await client.publishAsync(`0/${OWN}/${device}`, EVENT, { qos: 1 });
      }
      assert.deepEqual(
        context.sandbox.events.map(({ deviceId, eventData }) => [deviceId, eventData.device_id]),
        [
          ["v1", "v1"],
          ["v2", "v2"],
          ["", undefined],
        ],
      );
    });

    it("sends to a device with a dot on more levels, where its subscription is, too", async () => {
      const client = await connect(context.sandbox);
      const received = inbox(client);
      await client.subscribeAsync(`1/${OWN}/v1.2/#`, { qos: 1 });
      await context.sandbox.sendDeviceEvent("v1.2", "dot");
      await context.sandbox.sendDeviceEvent("v1", "none");
      await context.sandbox.sendUpdate("v1.2", "config.net", "dots");
      assert.deepEqual(
        (await received.upTo(2)).map(({ topic }) => topic),
        [`1/${OWN}/v1/2/event`, `1/${OWN}/v1/2/update/config/net`],
      );
    });

    it("ends a subscription that is ended by the name that it was asked for by", async () => {
      const client = await connect(context.sandbox);
      await client.subscribeAsync([`1/${OWN}/v1.2/#`, `1/${OWN}/v2/#`], { qos: 1 });
      const received = inbox(client);
      await client.unsubscribeAsync(`1/${OWN}/v1.2/#`);
      await context.sandbox.sendDeviceEvent("v1.2", "dot");
      await context.sandbox.sendDeviceEvent("v2", "none");
      assert.deepEqual(
        (await received.upTo(1)).map(({ payload }) => payload),
        ["none"],
      );
    });

    it("brings a node whose device has a dot nothing", async () => {
      const connection = connectionTo(context.sandbox);
      const nodes = ["v1.2", "v2"].map((device) => subscriber(deviceRequest(device)));
      try {
        for (const node of nodes) connection.addSubscriber(node);
        const subscribed = context.sandbox.next("subscribed");
        connection.endDeploy();
        await subscribed;
        while (context.sandbox.clients[0]?.subscriptions.length !== 2)
          await context.sandbox.next("subscribed");
        for (const device of ["v1.2", "v2"]) await context.sandbox.sendDeviceEvent(device, device);
        await nodes[1]?.upTo(1);
        assert.deepEqual(nodes[0]?.messages, []);
      } finally {
        await closeConnections();
      }
    });

    it("lets a user with a dot receive what is its own, and nothing else", async () => {
      const account = { ...DEMO_ACCOUNT, userMqtt: "gate.1" };
      context.sandbox.configure({ accounts: [account], rules: [] });
      const client = await connect(context.sandbox, loginOf(account));
      const received = inbox(client);
      assert.deepEqual(
        await suback(client, ["1/demo-project/gate.1/#", "1/demo-project/gate/2/#"]),
        [1, 128],
      );
      await context.sandbox.sendDeviceEvent("d", "mine");
      assert.equal((await received.upTo(1))[0]?.topic, "1/demo-project/gate/1/d/event");
    });
  });

  describe("of a broker that speaks MQTT 3 only", () => {
    const context = eachWithSandbox({ weather: { mqtt3Only: true } });

    it("hangs up on MQTT 5 without a word, and says so itself", async () => {
      const turnedAway = client(context.sandbox, { protocolVersion: 5 });
      const answers: string[] = [];
      turnedAway.on("packetreceive", ({ cmd }) => answers.push(cmd));
      await closed(turnedAway);
      assert.deepEqual(answers, []);
      const [refusal] = context.sandbox.refusals;
      assert.deepEqual([refusal?.code, refusal?.returnCode], ["PROTOCOL_VERSION", undefined]);
      assert.equal(context.sandbox.refusals.length, 1);
      await connect(context.sandbox);
    });

    it("is what the nodes ask about: MQTT 5 refused?", async () => {
      const connection = openConnection(context.sandbox, { settings: { protocolVersion: 5 } });
      try {
        const { reason } = await enters(connection, "offline");
        assert.equal(reason.code, "MQTT_5_REFUSED");
      } finally {
        await closeConnections();
      }
    });
  });

  it("has no more than a megabyte on its way, and a sender has to wait", async () => {
    let read = 0;
    const near = new Duplex({
      read() {
        setImmediate(() => {
          read += 65_536;
          this.push(Buffer.alloc(65_536));
        });
      },
      write: (_chunk, _encoding, done) => done(),
    });
    const far = new Weather({ latency: 100 }).slowed(near);
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    assert.ok(read < 2_000_000, `${read} bytes`);
    let received = 0;
    for await (const chunk of far) {
      received += (chunk as Buffer).length;
      if (received > 3_000_000) break;
    }
    assert.ok(read - received < 2_000_000, `${read} bytes, of which ${received} came`);
  });

  it("holds no more than a megabyte for a client that does not read", async () => {
    const untaken: (() => void)[] = [];
    let came = 0;
    const near = new Duplex({
      read: () => undefined,
      write(chunk, _encoding, done) {
        came += chunk.length;
        untaken.push(done);
        this.emit("came");
      },
    });
    const far = new Weather({ latency: 1 }).slowed(near);
    let written = 0;
    const write = () => {
      let isTaken = true;
      while (isTaken && written < 10_000_000) {
        written += 65_536;
        isTaken = far.write(Buffer.alloc(65_536));
      }
    };
    far.on("drain", write);
    const arrives = new Promise((resolve) => near.once("came", resolve));
    write();
    await arrives;
    for (let turn = 0; turn < 1000; turn += 1) await new Promise(setImmediate);
    assert.ok(written < 1_200_000, `${written} bytes`);
    near.on("came", () => untaken.pop()?.());
    const ended = new Promise((resolve) => near.once("finish", resolve));
    far.on("drain", () => written >= 10_000_000 && far.end());
    untaken.pop()?.();
    await ended;
    assert.equal(came, written);
  });

  it("keeps no program running for what is on its way", () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout");
    const before = timers();
    const near = new PassThrough();
    const far = new Weather({ latency: 60_000 }).slowed(near);
    far.write("sent");
    near.emit("data", Buffer.from("received"));
    far.destroy();
    assert.deepEqual(timers(), before);
  });

  it("leaves a stream alone when it is fair", () => {
    const near = new PassThrough();
    assert.equal(new Weather().slowed(near), near);
    assert.notEqual(new Weather({ latency: 1 }).slowed(near), near);
  });

  it("is told in words, fair weather in none", () => {
    assert.deepEqual(new Weather().words, []);
    assert.deepEqual(new Weather({ latency: 200, drop: 0.01, refuse: 0.125 }).words, [
      "200 ms late",
      "1 % of events dropped",
      "12.5 % of logins and REST requests refused",
    ]);
    const others = { noQos2: true, noRetainedWildcards: true, slashDots: true, mqtt3Only: true };
    assert.deepEqual(new Weather(others).words, [
      "QoS 2 as QoS 1",
      "nothing retained for wildcards",
      "dots in topics are slashes",
      "MQTT 5 is hung up on",
    ]);
  });
});
