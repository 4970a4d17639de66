// Whatever MQTT can carry and whatever a message can hold: nothing throws, nothing is finished twice.
import assert from "node:assert/strict";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import {
  allCaught,
  catching,
  connectionTo,
  deviceIn,
  eventOut,
  groupIn,
  inbox,
  input,
  online,
  received,
  startFlow,
  startServer,
  statuses,
  stopFlow,
  stopServer,
} from "../support/flows";
import { Mosquitto } from "../support/mosquitto";
import { DEMO_BROKER, Observer } from "../support/observer";
import { Random } from "../support/random";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
const ROOTS = [`1/${projectMqtt}/${userMqtt}`, `2/${projectMqtt}`];
const MESSAGES = 100_000;
const INPUTS = 10_000;

/** Printed if a test fails, and taken from the environment to run it again. */
const SEED = Number(process.env.M1_TEST_SEED ?? Date.now() % 1_000_000);

describe(`anything at all (M1_TEST_SEED=${SEED})`, function () {
  this.timeout(180_000);
  before(startServer);
  after(stopServer);

  let broker: Mosquitto;
  let observer: Observer;
  let random: RandomInput;

  beforeEach(async () => {
    random = new RandomInput(SEED);
    broker = await Mosquitto.start(DEMO_BROKER);
    observer = await Observer.start(broker);
  });

  afterEach(async () => {
    await stopFlow();
    await observer.stop();
    await broker.stop();
  });

  it(`${MESSAGES} random topics and payloads from the broker: none throws, the next is unharmed`, async () => {
    const everything = { datatype: "auto-detect", qos: "1" };
    await startFlow([
      connectionTo(broker),
      ...deviceIn("any", everything),
      ...deviceIn("json", { datatype: "json" }),
      ...groupIn("group", { groups: ["g"], ...everything }),
      ...catching(),
    ]);
    await online();
    await subscribed();

    let forAny = 0;
    for (let sent = 0; sent < MESSAGES; sent += 500) {
      const publishing: Promise<unknown>[] = [];
      for (let count = 0; count < 500; count += 1) {
        const topic = random.receivedTopic();
        if (/^1\/[^/]+\/[^/]+\/[^/]+\/(event|update\/.+)$/.test(topic)) forAny += 1;
        publishing.push(observer.publish(topic, random.bytes()));
      }
      await Promise.all(publishing);
    }
    const topic = `${ROOTS[0]}/pump/event`;
    await observer.publish(topic, '{"last":"word"}');
    const last = await lastWord();

    assert.equal(last, inbox("any got").length - 1, "nothing comes after the last");
    assert.ok(last >= forAny, `${last} of ${forAny} that were addressed to a device`);
    assert.equal(disconnections(), 0, "disconnections");
    for (const { error } of allCaught()) {
      assert.match(error.code ?? error.message, /^(ADDRESS_UNKNOWN|PAYLOAD_NOT_\w+)$/);
    }
  });

  it(`${INPUTS} random inputs: one done each, only valid topics, and the next is unharmed`, async () => {
    await startFlow([
      connectionTo(broker),
      eventOut({ deviceId: "device", deviceIdType: "msg" }),
      eventOut({
        id: "timed",
        deviceId: "device",
        deviceIdType: "msg",
        observedAt: "time",
        observedAtType: "msg",
      }),
    ]);
    await online();
    let accepted = 0;
    for (let sent = 0; sent < INPUTS; sent += 500) {
      const outcomes = Array.from({ length: 500 }, () => {
        const message = { device: random.value(), payload: random.value(), time: random.value() };
        return input(random.below(2) === 0 ? "out" : "timed", message);
      });
      for (const { error } of await Promise.all(outcomes)) {
        if (!error) accepted += 1;
        else assert.ok(error.code, `a defect, no verdict: ${error.stack}`);
      }
    }
    const last = await input("out", { device: "last", payload: "word" });

    assert.equal(last.error, undefined);
    const heard = await observer.until((all) => all.length >= accepted + 1);
    assert.equal(heard.length, accepted + 1, "exactly what was accepted");
    for (const { topic, payload } of heard) {
      assert.match(topic, /^0\/demo-project\/demo-user\/[\x20-\x22\x24-\x2a\x2c-\x2e\x30-\x7e]*$/);
      assert.equal(typeof JSON.parse(payload.toString()).event_data, "object");
    }
    assert.equal(heard.at(-1)?.topic, `0/${projectMqtt}/${userMqtt}/last`);
    assert.equal(disconnections(), 0, "disconnections");
    assert.ok(accepted > INPUTS / 100 && accepted < INPUTS, `${accepted} accepted`);
  });

  /** The nodes subscribe just after they are online: asked for until an answer comes. */
  async function subscribed(): Promise<void> {
    const first = received("any got");
    const ask = () => observer.publish(`${ROOTS[0]}/pump/event`, "1");
    await ask();
    const asking = setInterval(() => void ask(), 50);
    await first;
    clearInterval(asking);
  }

  async function lastWord(): Promise<number> {
    for (let index = 0; ; index += 1) {
      await received("any got");
      const { payload } = inbox("any got")[index + 1] ?? {};
      if ((payload as { last?: string } | undefined)?.last === "word") return index + 1;
    }
  }

  function disconnections(): number {
    return statuses("m1").filter(({ fill }) => fill === "red").length;
  }
});

class RandomInput extends Random {
  bytes(): Buffer {
    const texts = ["", "null", "{", '{"a":1}', "\u0000", "[1,2", '"x"', "1e999", "\ufeff{}"];
    if (this.below(4) === 0) return Buffer.from(this.pick(texts));
    return Buffer.from(Array.from({ length: this.below(40) }, () => this.below(256)));
  }

  /** Below a filter of ours, and otherwise anything that MQTT allows in a topic. */
  receivedTopic(): string {
    const levels = Array.from({ length: this.below(5) + 1 }, () => this.#level());
    return [this.pick(ROOTS), this.below(3) === 0 ? "g" : "pump", ...levels].join("/");
  }

  /** Without control characters, # and + (MQTT-1.5.4, MQTT-4.7.1). */
  #level(): string {
    if (this.below(2) === 0) return this.pick(["event", "update", "_all", "", "pump", "filter"]);
    return this.text().replace(/[\p{Cc}/#+\ufffe\uffff]/gu, "");
  }

  text(): string {
    const limit = this.pick([0x80, 0x100, 0xd800, 0x3000]);
    const codes = Array.from({ length: this.below(12) }, () => this.below(limit));
    return String.fromCodePoint(...codes);
  }

  value(depth = 0): unknown {
    const odd = [undefined, null, true, 0, -0, Number.NaN, 1e300, 10n, "", "_all", "pump", "a/b"];
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const kinds: (() => unknown)[] = [
      () => this.pick(odd),
      () => this.text(),
      () => `device-${this.below(100)}`,
      () => this.below(1_000_000),
      () => this.bytes(),
      () => new Date(this.pick([0, Number.NaN, 1e12])),
      () => circular,
      () => Symbol("odd"),
      () => new Map([[1, 2]]),
      () => Array.from({ length: this.below(4) }, () => this.value(depth + 1)),
      () => ({ [this.text()]: this.value(depth + 1), b: this.below(9) }),
      () => "2001-01-01T00:10:10.000000Z",
    ];
    return depth > 3 ? this.text() : this.pick(kinds)();
  }
}
