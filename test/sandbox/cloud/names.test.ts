// How long the names may be that the sandbox takes (sandbox/cloud/names.ts, docs/sandbox.md: Safety and bounds).
import { strict as assert } from "node:assert";
import { rules } from "../../../sandbox/cloud/workflows";
import { parseConfig } from "../../../sandbox/command/config";
import { DEMO_ACCOUNT } from "../../../sandbox/sandbox";
import { closed, connect, EVENT, eachWithSandbox, inbox, OWN, suback } from "../clients";
import { eachWithWeb } from "../web";

const LONGEST = "x".repeat(1024);
const TOO_LONG = `${LONGEST}x`;
const DEEPEST = "x/".repeat(90).slice(0, -1);
const TOO_DEEP = `${DEEPEST}/x`;

describe("sandbox: names", () => {
  const office = { ...DEMO_ACCOUNT, userMqtt: "office", loginId: "office", role: "business" };
  const context = eachWithSandbox({
    accounts: [DEMO_ACCOUNT, office as typeof DEMO_ACCOUNT],
    rules: rules([{ kind: "welcome", updateType: LONGEST, payload: "welcome" }]),
  });
  const web = eachWithWeb(context);

  const codes = () => context.sandbox.refusals.map(({ code }) => code);

  function recorded(): number {
    const { events, sent, retained } = context.sandbox;
    return events.length + sent.length + retained.length;
  }

  it("of a device have 1,024 characters at the most, and the longest can be answered", async () => {
    const subscriber = await connect(context.sandbox);
    await subscriber.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    const { upTo } = inbox(subscriber);
    const device = await connect(context.sandbox);
    await device.publishAsync(`0/${OWN}/${LONGEST}`, EVENT, { qos: 1 });
    assert.equal((await upTo(1))[0]?.payload, "welcome");
    const before = recorded();
    const gone = closed(device);
    device.publish(`0/${OWN}/${TOO_LONG}`, EVENT, { qos: 1 });
    await gone;
    assert.deepEqual(codes(), ["NAME_TOO_LONG"]);
    assert.equal(recorded(), before);
    assert.equal(context.sandbox.clients.length, 1);
  });

  it("of a stream have as many, by MQTT and by REST", async () => {
    const device = await connect(context.sandbox);
    const event = (stream: string) => JSON.stringify({ event_data: {}, stream });
    await device.publishAsync(`0/${OWN}/d`, event(LONGEST), { qos: 1 });
    const gone = closed(device);
    device.publish(`0/${OWN}/d`, event(TOO_LONG), { qos: 1 });
    await gone;
    const path = (stream: string) => `/v2/events/${stream}/demo@example.com`;
    assert.equal(await posted(path(LONGEST), EVENT), 200);
    assert.equal(await posted(path(TOO_LONG), EVENT), 400);
    assert.deepEqual(codes(), ["NAME_TOO_LONG", "NAME_TOO_LONG"]);
    assert.equal(context.sandbox.events.length, 2);
  });

  it("of a user made over REST have as many, and so has its password", async () => {
    const user = (login_id: string, password: string) => JSON.stringify({ login_id, password });
    assert.equal(await posted("/v2/users", user(LONGEST, LONGEST.toUpperCase())), 200);
    assert.equal(await posted("/v2/users", user(TOO_LONG, "x")), 400);
    assert.equal(await posted("/v2/users", user("y", TOO_LONG)), 400);
  });

  it("of users and projects in a file have as many", () => {
    const users = [{ userMqtt: TOO_LONG, userPassword: "x" }];
    const text = JSON.stringify({ projects: [{ projectMqtt: "p", apiKeys: ["k"], users }] });
    assert.throws(() => parseConfig(text), /userMqtt has 1025 characters; the sandbox takes 1024/);
  });

  it("of a filter have as many in all, and a longer one is refused with 0x80", async () => {
    const subscriber = await connect(context.sandbox);
    const filter = (length: number) => `1/${OWN}/`.padEnd(length, "x");
    const deep = `1/${OWN}/${"x/".repeat(88).slice(0, -1)}`;
    assert.deepEqual(await suback(subscriber, [filter(1024), filter(1025), deep]), [1, 128, 128]);
    assert.deepEqual(codes(), ["NAME_TOO_LONG", "NAME_TOO_DEEP"]);
  });

  it("of an update type have as many, in 90 levels; the console says what is too much", async () => {
    for (const [updateType, status, code] of [
      [LONGEST, 200, undefined],
      [DEEPEST, 200, undefined],
      [TOO_LONG, 400, "NAME_TOO_LONG"],
      [TOO_DEEP, 400, "NAME_TOO_DEEP"],
    ]) {
      const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
      const form = { kind: "update", projectMqtt, userMqtt, deviceId: LONGEST, updateType };
      const { status: answered, body } = await web.call("POST", "/console/send", {
        body: JSON.stringify({ ...form, payload: "x", retain: true }),
      });
      assert.equal(answered, status);
      assert.equal((body as { code?: string }).code, code);
    }
    assert.deepEqual([context.sandbox.sent.length, context.sandbox.retained.length], [2, 2]);
  });

  it("make no topic that could not be sent, and nothing of it is on record", async () => {
    const { sandbox } = context;
    const retain = { retain: true };
    await assert.rejects(sandbox.publishRaw("x".repeat(65_536), "x", retain), {
      code: "TOPIC_TOO_LONG",
    });
    await assert.rejects(sandbox.publishRaw("x/".repeat(100), "x", retain), {
      code: "NAME_TOO_DEEP",
    });
    assert.equal(recorded(), 0);
    await sandbox.publishRaw("x/".repeat(99), "x", retain);
    assert.equal(recorded(), 2);
  });

  async function posted(path: string, body: string): Promise<number> {
    const login = { login_id: "office", password: "demo/password", api_key: "DEMO0KEY" };
    const { text } = await web.call("POST", "/v2/login?no_cookies=1", {
      body: JSON.stringify(login),
    });
    return (await web.call("POST", `${path}?token=${JSON.parse(text)}`, { body })).status;
  }
});
