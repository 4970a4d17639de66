// What a sandbox has is there again after a restart, in the folder that it was given (sandbox/data/).
import { strict as assert } from "node:assert";
import { cp, readdir, rename, rm, stat } from "node:fs/promises";
import { connect as openSocket, type Socket } from "node:net";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import type { IPublishPacket } from "mqtt";
import { generate, type Packet, parser } from "mqtt-packet";
import { DataFolder, type Entry } from "../../../sandbox/data/data-folder";
import { openWeb, type Web } from "../../../sandbox/http/web";
import {
  type Account,
  DEMO_ACCOUNT,
  type Rule,
  Sandbox,
  type SandboxOptions,
} from "../../../sandbox/sandbox";
import { temporaryFolder } from "../../support/processes";
import {
  connect,
  connectBytes,
  EVENT,
  endClients,
  inbox,
  loginOf,
  OWN,
  refusedWith,
} from "../clients";
import { type Following, follow } from "../following";

const KEEPER = { clientId: "keeper", clean: false };

const EVENT_AT_QOS_2 = {
  cmd: "publish",
  topic: `0/${OWN}/d`,
  payload: EVENT,
  qos: 2,
  retain: false,
  dup: false,
} as const;

describe("sandbox: what outlives it", () => {
  let folder: string;
  let remove: () => Promise<void>;
  let sandbox: Sandbox;

  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
    await start();
  });

  afterEach(async () => {
    await endClients();
    await sandbox.stop();
    await rm(`${folder}.copy`, { recursive: true, force: true });
    await remove();
  });

  async function start(options: SandboxOptions = {}): Promise<void> {
    sandbox = new Sandbox({ port: 0, data: folder, ...options });
    await sandbox.start();
  }

  /** Ends it, and starts another in its place. */
  async function restart(options: SandboxOptions = {}): Promise<void> {
    await endClients();
    await sandbox.stop();
    await start(options);
  }

  /**
   * Goes on with a copy of what is written by then, as if the sandbox had been killed. All is written
   * in one step: when a user is there who was made last, so is the rest.
   */
  async function kill(): Promise<void> {
    await written();
    await endClients();
    await sandbox.stop();
    await rm(folder, { recursive: true });
    await rename(`${folder}.copy`, folder);
    await start();
  }

  async function written(): Promise<void> {
    const loginId = `made ${sandbox.accounts.length}`;
    sandbox.addUser("demo-project", { loginId, userPassword: "a password" });
    const copy = `${folder}.copy`;
    let users: Entry[] = [];
    while (!users.some(([, user]) => (user as Account).loginId === loginId)) {
      await setTimeout(20);
      await rm(copy, { recursive: true, force: true });
      await cp(folder, copy, { recursive: true });
      // It may have been copied while it was written.
      users = await read("users/", copy).catch(() => []);
    }
  }

  async function publish(...numbers: number[]): Promise<void> {
    const client = await connect(sandbox);
    for (const number of numbers) {
      const event = JSON.stringify({ event_data: { number } });
      await client.publishAsync(`0/${OWN}/d`, event, { qos: 1 });
    }
  }

  const numbers = () => sandbox.events.map(({ eventData }) => eventData.number);
  const codes = () => sandbox.refusals.map(({ code }) => code);

  describe("events", () => {
    it("are there as they were, in order, and new ones come after them", async () => {
      await publish(1, 2, 3);
      const before = [...sandbox.events];
      await restart();
      assert.deepEqual(sandbox.events, before);
      await publish(4);
      await restart();
      assert.deepEqual(numbers(), [1, 2, 3, 4]);
      assert.equal(sandbox.totals.events, 4);
    });

    it("that are too many for --keep are forgotten, the oldest first, and take no room on disk", async () => {
      await publish(1, 2, 3, 4, 5);
      await restart({ keep: 3 });
      assert.deepEqual(numbers(), [3, 4, 5]);
      await publish(6, 7);
      assert.deepEqual(numbers(), [5, 6, 7]);
      await restart({ keep: 1000 });
      assert.deepEqual(numbers(), [5, 6, 7]);
      assert.equal(sandbox.totals.events, 7);
      await sandbox.stop();
      assert.equal((await keys("event/")).length, 3);
    });

    describe("over HTTP", () => {
      let web: Web;
      let page: Following;
      beforeEach(async () => {
        await publish(1, 2);
        await sandbox.sendUpdate("d", "config", { interval: 2 });
        await restart();
        web = await openWeb(sandbox, { port: 0 });
      });
      afterEach(() => web.close());

      it("are listed", async () => {
        const { apiKey: api_key, userPassword: password, loginId: login_id } = DEMO_ACCOUNT;
        const body = JSON.stringify({ login_id, password, api_key, no_cookies: true });
        const login = await fetch(`${web.url}/v2/login`, { method: "POST", body });
        const query = `token=${await login.json()}&sort_by=internal`;
        await publish(3);
        const response = await fetch(`${web.url}/v2/events/raw?${query}`);
        const lines = (await response.text()).trim().split("\n");
        const values = lines.map((line) => JSON.parse(line).event_data.number);
        assert.deepEqual(values, [1, 2, 3]);
      });

      it("are in the console with their charts, beside what is retained", async () => {
        page = await follow(`${web.url}/console/feed`);
        const { activity, points, retained, totals, moreActivity } = page.snapshot;
        page.close();
        assert.deepEqual(
          activity.map((row) => row.kind === "event" && row.tags),
          [[["number", "1"]], [["number", "2"]]],
        );
        assert.equal(moreActivity, false);
        assert.equal(points.at(-1)?.y, 2);
        assert.deepEqual(totals, { events: 2, refusals: 0, sent: 0 });
        assert.deepEqual(
          retained.rows.map(({ topic, payload }) => [topic, payload]),
          [[`1/${OWN}/d/update/config`, '{"interval":2}']],
        );
      });
    });
  });

  describe("retained messages", () => {
    it("reach new subscribers, byte by byte, but for those that were removed", async () => {
      const bytes = Buffer.from([0, 255, 128, 10]);
      await sandbox.sendUpdate("d", "a", bytes, { qos: 2 });
      await sandbox.sendUpdate("d", "b", "gone");
      await sandbox.sendUpdate("d", "b", "");
      await restart();
      const client = await connect(sandbox);
      const received = new Promise<IPublishPacket>((resolve) =>
        client.once("message", (_topic, _payload, packet) => resolve(packet)),
      );
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 2 });
      const { topic, payload, qos, retain } = await received;
      assert.deepEqual([topic, payload, qos, retain], [`1/${OWN}/d/update/a`, bytes, 2, true]);
      assert.equal(sandbox.retained.length, 1);
    });

    it("stay in the order in which they were sent", async () => {
      for (const type of ["a", "b", "c"]) await sandbox.sendUpdate("d", type, "1");
      await restart();
      await sandbox.sendUpdate("d", "a", "2");
      const before = [...sandbox.retained];
      assert.equal(before.at(-1)?.payload.toString(), "2");
      await restart();
      assert.deepEqual(sandbox.retained, before);
    });

    it("for which there is no room any more are left out", async () => {
      for (const type of ["a", "b", "c"]) await sandbox.sendUpdate("d", type, "1");
      await restart({ bounds: { retained: 2 } });
      assert.equal(sandbox.retained.length, 2);
    });
  });

  describe("sessions", () => {
    async function subscribed(): Promise<void> {
      const client = await connect(sandbox, KEEPER);
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 2 });
      await client.subscribeAsync(`2/demo-project/#`, { qos: 1 });
      await client.unsubscribeAsync(`2/demo-project/#`);
      await client.endAsync();
    }

    it("are resumed with their filters, and get what they missed, before and after", async () => {
      await subscribed();
      await sandbox.sendDeviceEvent("d", "one", { qos: 1 });
      await sandbox.sendDeviceEvent("d", "two", { qos: 2 });
      await restart();
      await sandbox.sendDeviceEvent("d", "three", { qos: 1 });
      await restart();
      const connected = sandbox.next("connected");
      const opening = connect(sandbox, KEEPER);
      const { sessionPresent, subscriptions } = await connected;
      assert.equal(sessionPresent, true);
      assert.deepEqual(subscriptions, [{ filter: `1/${OWN}/#`, qos: 2 }]);
      const client = await opening;
      const received = inbox(client);
      await sandbox.sendDeviceEvent("d", "four", { qos: 1 });
      const messages = await received.upTo(4);
      assert.deepEqual(
        messages.map(({ payload, qos }) => [payload, qos]),
        [
          ["one", 1],
          ["two", 2],
          ["three", 1],
          ["four", 1],
        ],
      );
      const disconnected = sandbox.next("disconnected");
      await client.endAsync();
      await disconnected;
      assert.deepEqual(await keysNow("waiting/"), []);
    });

    it("of clients that are connected when it ends are kept, too", async () => {
      const client = await connect(sandbox, KEEPER);
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      await restart();
      await sandbox.sendDeviceEvent("d", "missed");
      const received = inbox(await connect(sandbox, KEEPER));
      assert.equal((await received.upTo(1))[0]?.payload, "missed");
    });

    it("are there without a filter, too, and each filter has the QoS that it had", async () => {
      const bare = await connect(sandbox, KEEPER);
      await restart();
      assert.equal(bare.connected, false);
      let connected = sandbox.next("connected");
      const client = await connect(sandbox, KEEPER);
      assert.equal((await connected).sessionPresent, true);
      await client.subscribeAsync({ [`1/${OWN}/a`]: { qos: 0 }, [`1/${OWN}/b`]: { qos: 1 } });
      await restart();
      connected = sandbox.next("connected");
      await connect(sandbox, KEEPER);
      assert.deepEqual((await connected).subscriptions, [
        { filter: `1/${OWN}/a`, qos: 0 },
        { filter: `1/${OWN}/b`, qos: 1 },
      ]);
    });

    it("that their clients ended are gone, with what waited in them", async () => {
      await subscribed();
      await sandbox.sendDeviceEvent("d", "missed");
      await connect(sandbox, { ...KEEPER, clean: true });
      await restart();
      const connected = sandbox.next("connected");
      await connect(sandbox, KEEPER);
      assert.equal((await connected).sessionPresent, false);
      assert.deepEqual(await keysNow("waiting/"), []);
    });

    it("that ended and were begun anew at once have nothing of the old ones", async () => {
      await subscribed();
      await written();
      await connect(sandbox, { ...KEEPER, clean: true });
      await connect(sandbox, KEEPER);
      await kill();
      const connected = sandbox.next("connected");
      await connect(sandbox, KEEPER);
      assert.deepEqual((await connected).subscriptions, []);
      assert.deepEqual(await keysNow("waiting/"), []);
    });

    it("stay their user's", async () => {
      const neighbour = { ...DEMO_ACCOUNT, userMqtt: "neighbour" };
      await subscribed();
      await restart({ accounts: [DEMO_ACCOUNT, neighbour] });
      assert.equal(await refusedWith(sandbox, { ...KEEPER, ...loginOf(neighbour) }), 2);
    });

    it("that are too many for narrower bounds end, and filters that are too many are left out", async () => {
      for (const clientId of ["first", "second"]) {
        const client = await connect(sandbox, { clientId, clean: false });
        await client.subscribeAsync([`1/${OWN}/a/#`, `1/${OWN}/b/#`], { qos: 1 });
      }
      for (const payload of ["one", "two"]) await sandbox.sendDeviceEvent("a", payload);
      await restart({ bounds: { sessions: 1, subscriptions: 1, waiting: 1 } });
      assert.deepEqual(codes(), ["WAITING_FULL", "SESSIONS_FULL"]);
      await sandbox.sendDeviceEvent("a", "three");
      await sandbox.sendDeviceEvent("b", "not any more");
      const connected = sandbox.next("connected");
      const received = inbox(await connect(sandbox, { clientId: "second", clean: false }));
      assert.deepEqual((await connected).subscriptions, [{ filter: `1/${OWN}/a/#`, qos: 1 }]);
      assert.equal((await received.upTo(1))[0]?.payload, "three");
      assert.equal((await keysNow("sessions/")).length, 1);
    });

    it("send what was not acknowledged again, under the same packet ID", async () => {
      await subscribed();
      await sandbox.sendDeviceEvent("d", "one", { qos: 1 });
      const first = await RawClient.open(sandbox);
      const { messageId } = await first.next("publish");
      assert.ok(messageId);
      await restart();
      await sandbox.sendDeviceEvent("d", "two", { qos: 1 });
      const second = await RawClient.open(sandbox);
      const again = await second.next("publish");
      assert.deepEqual([again.messageId, String(again.payload)], [messageId, "one"]);
      assert.equal(String((await second.next("publish")).payload), "two");
    });

    it("go on with a message at QoS 2 where they were: it is released, and not sent again", async () => {
      await subscribed();
      await sandbox.sendDeviceEvent("d", "one", { qos: 2 });
      const first = await RawClient.open(sandbox);
      const { messageId } = await first.next("publish");
      first.send({ cmd: "pubrec", messageId: messageId as number });
      await first.next("pubrel");
      await restart();
      const second = await RawClient.open(sandbox);
      assert.equal((await second.next("pubrel")).messageId, messageId);
      second.send({ cmd: "pubcomp", messageId: messageId as number });
      second.send({ cmd: "pingreq" });
      await second.next("pingresp");
      assert.deepEqual(second.received, ["connack", "pubrel", "pingresp"]);
    });

    it("know an event at QoS 2 that is not released yet, and store it once", async () => {
      const publish = { ...EVENT_AT_QOS_2, messageId: 7 };
      const first = await RawClient.open(sandbox);
      first.send(publish);
      await first.next("pubrec");
      await restart();
      const second = await RawClient.open(sandbox);
      second.send({ ...publish, dup: true });
      await second.next("pubrec");
      second.send({ cmd: "pubrel", messageId: 7 });
      await second.next("pubcomp");
      assert.equal(sandbox.events.length, 1);
      second.send({ ...publish, payload: '{"event_data":{"another":1}}' });
      await second.next("pubrec");
      assert.equal(sandbox.events.length, 2);
    });

    it("change on disk as they do in memory, also while their clients are connected", async () => {
      const client = await connect(sandbox, KEEPER);
      await client.subscribeAsync(`1/${OWN}/a/#`, { qos: 1 });
      await written();
      await client.subscribeAsync(`1/${OWN}/b/#`, { qos: 1 });
      await kill();
      const connected = sandbox.next("connected");
      const again = await connect(sandbox, KEEPER);
      assert.equal((await connected).subscriptions.length, 2);
      await written();
      await again.unsubscribeAsync(`1/${OWN}/a/#`);
      await kill();
      const last = sandbox.next("connected");
      await connect(sandbox, KEEPER);
      assert.deepEqual((await last).subscriptions, [{ filter: `1/${OWN}/b/#`, qos: 1 }]);
    });

    it("know what came at QoS 2, and under which packet ID they sent, after a kill", async () => {
      await subscribed();
      await sandbox.sendDeviceEvent("d", "one", { qos: 1 });
      await written();
      const first = await RawClient.open(sandbox);
      const { messageId } = await first.next("publish");
      first.send({ ...EVENT_AT_QOS_2, messageId: 7 });
      await first.next("pubrec");
      await kill();
      const second = await RawClient.open(sandbox);
      assert.equal((await second.next("publish")).messageId, messageId);
      second.send({ cmd: "puback", messageId: messageId as number });
      second.send({ ...EVENT_AT_QOS_2, messageId: 7, dup: true });
      await second.next("pubrec");
      assert.equal(sandbox.events.length, 1);
      await kill();
      const third = await RawClient.open(sandbox);
      third.send({ cmd: "pingreq" });
      await third.next("pingresp");
      assert.deepEqual(third.received, ["connack", "pingresp"]);
    });

    it("of clients that wanted none leave nothing behind", async () => {
      const client = await connect(sandbox, { clientId: "passing" });
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      await sandbox.stop();
      assert.deepEqual(await keys("sessions/"), []);
    });
  });

  describe("users made over REST", () => {
    const login = { loginId: "pump@example.com", userPassword: "long enough" };
    const added = () => sandbox.accounts.find(({ loginId }) => loginId === login.loginId);

    it("log in with the same MQTT ID, also those who had yet to come", async () => {
      await restart({ weather: { createLater: 60_000 } });
      sandbox.addUser("demo-project", login);
      assert.equal(added(), undefined);
      await restart();
      const user = added();
      assert.ok(user);
      await connect(sandbox, loginOf(user));
      await restart();
      assert.deepEqual(added(), user);
    });

    it("go with their project, and when they are too many", async () => {
      sandbox.addUser("demo-project", login);
      sandbox.addUser("demo-project", { ...login, loginId: "second" });
      await restart({ bounds: { users: 1 } });
      assert.equal(sandbox.accounts.length, 2);
      await restart({ accounts: [{ ...DEMO_ACCOUNT, projectMqtt: "another" }] });
      assert.equal(added(), undefined);
      await restart();
      assert.equal(added(), undefined);
    });
  });

  it("ends with all that it has acknowledged, and with the answers to it", async () => {
    await connect(sandbox, KEEPER).then(async (client) => {
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      await client.endAsync();
    });
    await sandbox.stop();
    const answers: Rule = (event, cloud) =>
      cloud.sendDeviceEvent(event.deviceId, String(event.eventData.number), { qos: 1 });
    await start({ rules: [answers] });
    const client = await connect(sandbox);
    let acknowledged = 0;
    const sending = Array.from({ length: 2_000 }, (_, number) =>
      client
        .publishAsync(`0/${OWN}/d`, JSON.stringify({ event_data: { number } }), { qos: 1 })
        .then(() => {
          acknowledged += 1;
        })
        .catch(() => undefined),
    );
    await sandbox.next("event");
    await sandbox.stop();
    await endClients();
    await Promise.all(sending);
    await start();
    assert.ok(acknowledged > 0 && sandbox.events.length >= acknowledged);
    const received = inbox(await connect(sandbox, KEEPER));
    const stored = sandbox.events.length;
    const messages = await received.upTo(stored);
    assert.deepEqual(
      messages.map(({ payload }) => Number(payload)),
      numbers(),
    );
  });

  it("has what it had, however often it is killed", async () => {
    await publish(1);
    await sandbox.sendUpdate("d", "a", "1");
    await written();
    await publish(2);
    await sandbox.sendUpdate("d", "a", "2");
    await sandbox.sendUpdate("d", "b", "3");
    await kill();
    await publish(3);
    await sandbox.sendUpdate("d", "b", "");
    await kill();
    assert.deepEqual(numbers(), [1, 2, 3]);
    assert.deepEqual(
      sandbox.retained.map(({ payload }) => payload.toString()),
      ["2"],
    );
  });

  it("clears what a kill has left of events that were forgotten", async () => {
    await restart({ keep: 1 });
    await publish(1, 2);
    await sandbox.stop();
    const [kept] = await read("event/", folder);
    const data = await DataFolder.open(folder);
    const left = `event/${"1".padStart(16, "0")}`;
    await data.write([[left, kept?.[1]]], []);
    await data.close();
    await start({ keep: 1 });
    await publish(3);
    await restart({ keep: 1 });
    const keys = (await keysNow("event/")).map((key) => Number(key.slice("event/".length)));
    assert.deepEqual(keys, [3]);
  });

  it("writes nothing while nothing happens", async () => {
    await publish(1);
    await sandbox.sendUpdate("d", "a", "1");
    await written();
    const size = async () => {
      const database = path.join(folder, "database");
      const names = await readdir(database);
      const files = await Promise.all(names.map((name) => stat(path.join(database, name))));
      return files.reduce((sum, file) => sum + file.size, 0);
    };
    const before = await size();
    // Twice as long as it waits before it looks again.
    await setTimeout(1000);
    assert.equal(await size(), before);
  });

  it("has all of it again after a stop and a start, and the folder gets what is in memory", async () => {
    await publish(1);
    await sandbox.sendUpdate("d", "a", "1");
    await sandbox.stop();
    await rm(folder, { recursive: true });
    await sandbox.start();
    await publish(2);
    await restart();
    assert.deepEqual(numbers(), [1, 2]);
    assert.equal(sandbox.retained.length, 1);
  });

  it("keeps nothing from a start that failed, and lets the folder go", async () => {
    const second = new Sandbox({ port: sandbox.port, data: path.join(folder, "../second") });
    await assert.rejects(second.start(), { code: "PORT_TAKEN" });
    const third = new Sandbox({ port: 0, data: path.join(folder, "../second") });
    await third.start();
    await third.stop();
    await rm(path.join(folder, "../second"), { recursive: true });
  });

  it("says once that the disk has failed, and goes on in memory", async () => {
    await rm(folder, { recursive: true });
    const refusal = sandbox.next("refusal");
    const client = await connect(sandbox);
    // More than LevelDB writes into a file that it has open.
    const event = JSON.stringify({ event_data: { text: "x".repeat(60_000) } });
    let isTold = false;
    const told = refusal.then((first) => {
      isTold = true;
      return first;
    });
    while (!isTold) await client.publishAsync(`0/${OWN}/d`, event, { qos: 1 });
    const { what, code, reason } = await told;
    assert.deepEqual([what, code], ["disk", "DISK_FAILED"]);
    assert.match(reason, /^The disk failed \(.*No such file.*\): nothing new is kept in /);
    await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
    await sandbox.stop();
    assert.deepEqual(codes(), ["DISK_FAILED"]);
    assert.equal(sandbox.events.at(-1)?.raw, EVENT);
  });

  /** Of what has been written by the time that the sandbox has ended; it is started again. */
  async function keysNow(prefix: string): Promise<string[]> {
    await sandbox.stop();
    const found = await keys(prefix);
    await sandbox.start();
    return found;
  }

  async function keys(prefix: string): Promise<string[]> {
    return (await read(prefix, folder)).map(([key]) => key);
  }

  async function read(prefix: string, from: string): Promise<Entry[]> {
    const data = await DataFolder.open(from);
    try {
      return await data.read({ gte: prefix, lte: `${prefix}~` });
    } finally {
      await data.close();
    }
  }
});

/** A client of the keeper's session that does nothing by itself. */
class RawClient {
  readonly received: string[] = [];
  readonly #socket: Socket;
  readonly #packets: Packet[] = [];
  #arrived: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = parser();
    reader.on("packet", (packet) => {
      this.received.push(packet.cmd);
      this.#packets.push(packet);
      this.#arrived();
    });
    socket.on("data", (chunk) => reader.parse(chunk));
  }

  /** Connected; the sandbox ends it. */
  static async open({ port }: Sandbox): Promise<RawClient> {
    const client = new RawClient(openSocket(port, "127.0.0.1"));
    client.#socket.write(connectBytes(KEEPER));
    await client.next("connack");
    return client;
  }

  send(packet: Packet): void {
    this.#socket.write(generate(packet));
  }

  /** The next of that kind that has not been taken. */
  async next<Command extends Packet["cmd"]>(cmd: Command): Promise<Packet & { cmd: Command }> {
    for (;;) {
      const index = this.#packets.findIndex((packet) => packet.cmd === cmd);
      const [packet] = index < 0 ? [] : this.#packets.splice(index, 1);
      if (packet) return packet as Packet & { cmd: Command };
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}
