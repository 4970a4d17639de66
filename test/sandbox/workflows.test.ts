// The demo workflows, seen from a device (sandbox/workflows.ts).
import { strict as assert } from "node:assert";
import { DEMO_ACCOUNT, type Rule, Sandbox } from "../../sandbox/sandbox";
import { DEMO_WORKFLOWS, rules, type Workflow } from "../../sandbox/workflows";
import { connect, EVENT, eachWithSandbox, endClients, inbox, loginOf, OWN } from "./clients";

const STRANGER = { ...DEMO_ACCOUNT, projectMqtt: "other-project", apiKey: "S", userPassword: "s" };

describe("sandbox: demo workflows", () => {
  const context = eachWithSandbox(() => ({ accounts: [DEMO_ACCOUNT, STRANGER], rules: rules() }));

  async function device(account = DEMO_ACCOUNT) {
    const { projectMqtt, userMqtt } = account;
    const client = await connect(context.sandbox, loginOf(account));
    await client.subscribeAsync([`1/${projectMqtt}/${userMqtt}/#`, `2/${projectMqtt}/#`], {
      qos: 1,
    });
    const measure = async (deviceId: string, temperature: unknown) => {
      const payload = JSON.stringify({ event_data: { temperature } });
      await client.publishAsync(`0/${projectMqtt}/${userMqtt}/${deviceId}`, payload, { qos: 1 });
    };
    return { ...inbox(client), measure };
  }

  it("turn the fan on over 30 degrees and off at 30, only when that changes, device by device", async () => {
    const { measure, upTo } = await device();
    for (const temperature of [30, 30.5, 35, 31, 30, 12]) await measure("a", temperature);
    await measure("b", 31);
    await measure("b", "hot");
    await measure("", 40);
    const received = await upTo(5);
    const events = received.filter(({ topic }) => topic.endsWith("/event"));
    assert.deepEqual(
      events.map(({ topic, payload }) => [topic, payload]),
      [
        [`1/${OWN}/a/event`, '{"fan":"on"}'],
        [`1/${OWN}/a/event`, '{"fan":"off"}'],
        [`1/${OWN}/b/event`, '{"fan":"on"}'],
      ],
    );
  });

  it("send a device its configuration with its first event, and keep it", async () => {
    const first = await device();
    await first.measure("a", 20);
    await first.measure("a", 20);
    await first.measure("b", 20);
    const updates = (await first.upTo(2)).map(({ topic, payload }) => [topic, payload]);
    assert.deepEqual(updates, [
      [`1/${OWN}/a/update/config`, '{"interval":2}'],
      [`1/${OWN}/b/update/config`, '{"interval":2}'],
    ]);
    const later = await (await device()).upTo(2);
    assert.deepEqual(
      later.map(({ retain }) => retain),
      [true, true],
    );
  });

  it("send the group a summary after every ten temperatures of the project", async () => {
    const { measure, upTo } = await device();
    const stranger = await device(STRANGER);
    for (let temperature = 11; temperature <= 30; temperature += 1) {
      await measure("", temperature);
      await stranger.measure("", 0);
    }
    const topic = "2/demo-project/demo-group/summary";
    assert.deepEqual(
      (await upTo(2)).map((message) => [message.topic, message.payload]),
      [
        [topic, '{"count":10,"average_temperature":15.5}'],
        [topic, '{"count":10,"average_temperature":25.5}'],
      ],
    );
  });

  it("are plain data, as a file could hold", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(DEMO_WORKFLOWS)) as Workflow[], DEMO_WORKFLOWS);
  });
});

describe("sandbox: rules", () => {
  let sandbox: Sandbox;
  afterEach(async () => {
    await endClients();
    await sandbox.stop();
  });

  async function publishOnceUnder(rule: Rule) {
    sandbox = new Sandbox({ port: 0, rules: [rule] });
    await sandbox.start();
    const client = await connect(sandbox);
    client.publish(`0/${OWN}/d`, EVENT, { qos: 1 });
  }

  it("see each event as it is stored", async () => {
    const seen = await new Promise<unknown>((resolve) => void publishOnceUnder(resolve));
    assert.deepEqual(seen, sandbox.events[0]);
  });

  for (const [how, rule] of [
    ["throws", () => assert.fail("broken rule")],
    ["rejects", () => Promise.reject(new Error("broken rule"))],
  ] as const) {
    it(`are reported as an error when one ${how}`, async () => {
      await publishOnceUnder(rule);
      assert.match((await sandbox.next("error")).message, /broken rule/);
    });
  }

  it("may outlive the sandbox", async () => {
    const ended = new Promise<void>((resolve, reject) => {
      void publishOnceUnder(async (_event, cloud) => {
        await sandbox.stop();
        const sent = cloud.sendDeviceEvent("d", "late");
        sent.then(
          () => reject(new Error("It was sent")),
          () => resolve(),
        );
        await sent;
      });
    });
    await ended;
  });
});
