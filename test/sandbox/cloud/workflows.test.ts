// The workflows: those of the demo seen from a device, and conditions of one's own.
import { strict as assert } from "node:assert";
import {
  type Condition,
  type ConditionWorkflow,
  DEMO_WORKFLOWS,
  type Message,
  rules,
  type Workflow,
} from "../../../sandbox/cloud/workflows";
import {
  type Cloud,
  DEMO_ACCOUNT,
  type Rule,
  Sandbox,
  type StoredEvent,
} from "../../../sandbox/sandbox";
import { connect, EVENT, eachWithSandbox, endClients, inbox, loginOf, OWN } from "../clients";

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

  it("send an average of numbers whose sum would be too large for a number", async () => {
    const { measure, upTo } = await device();
    for (let pair = 0; pair < 5; pair += 1) {
      await measure("", 1.7e308);
      await measure("", 1.5e308);
    }
    const [message] = await upTo(1);
    const { average_temperature: average } = JSON.parse(message?.payload ?? "");
    assert.ok(Math.abs(average / 1.6e308 - 1) < 1e-12, `an average of ${average}`);
  });

  it("are plain data, as a file could hold", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(DEMO_WORKFLOWS)) as Workflow[], DEMO_WORKFLOWS);
  });
});

describe("sandbox: conditions on a tag", () => {
  const conditions: [what: string, when: Condition, values: unknown[], answered: unknown[]][] = [
    ["above a number", { tag: "t", above: 30 }, [29, 30, 31, 32, 30, 33], [31, 33]],
    ["below a number", { tag: "t", below: 5 }, [5, 4.9, 4, 6, 1], [4.9, 1]],
    ["between two", { tag: "t", above: 1, below: 3 }, [1, 2, 2.5, 3, 2], [2, 2]],
    [
      "equal to text",
      { tag: "t", equals: "open" },
      ["shut", "open", "open", "shut", "open"],
      ["open", "open"],
    ],
    ["equal to false", { tag: "t", equals: false }, [0, true, false], [false]],
    ["a number, of text", { tag: "t", above: 1 }, ["2"], []],
  ];
  for (const [what, when, values, answered] of conditions) {
    it(`${what}: hold from the first value that meets them, once`, async () => {
      assert.deepEqual(await answersTo({ when }, values), answered);
    });
  }

  it("are met by each event if they are to be", async () => {
    const answers = await answersTo({ when: { tag: "t", above: 1 }, each: true }, [2, 3, 1, 2]);
    assert.deepEqual(answers, [2, 3, 2]);
  });

  it("still hold after an event that says nothing of the tag", async () => {
    const answers = await answersTo({ when: { tag: "t", above: 1 } }, [2, undefined, 2]);
    assert.deepEqual(answers, [2]);
  });

  it("reach a tag in another with a dot", async () => {
    const answers = await answersTo({ when: { tag: "t.level", below: 9 } }, [{ level: 8 }, 7]);
    assert.deepEqual(answers, [{ level: 8 }]);
  });

  const messages: [message: Message, call: unknown[]][] = [
    [{ kind: "event", payload: 1 }, ["sendDeviceEvent", "d", 1]],
    [{ kind: "event", deviceId: "_all", payload: 1 }, ["sendDeviceEvent", "_all", 1]],
    [{ kind: "update", updateType: "u", payload: 1 }, ["sendUpdate", "d", "u", 1]],
    [
      { kind: "group", groupId: "g", updateType: "u", payload: 1 },
      ["sendGroupMessage", "g", "u", 1],
    ],
  ];
  for (const [send, call] of messages) {
    it(`send ${JSON.stringify(send)}`, async () => {
      const { calls, cloud } = recorder();
      const [rule] = rules([{ kind: "condition", when: { tag: "t", above: 1 }, send }]);
      await rule?.(eventWith(2), cloud, new Map());
      assert.deepEqual(calls, [call]);
    });
  }

  it("answer nobody for an event of no device", async () => {
    const { calls, cloud } = recorder();
    const send = { kind: "event", payload: 1 } as const;
    const [rule] = rules([{ kind: "condition", when: { tag: "t", above: 1 }, send }]);
    await rule?.({ ...eventWith(2), deviceId: "" }, cloud, new Map());
    assert.deepEqual(calls, []);
  });

  /** The values of `t` that were answered. */
  async function answersTo(
    workflow: Pick<ConditionWorkflow, "when" | "each">,
    values: readonly unknown[],
  ): Promise<unknown[]> {
    const send = { kind: "event", payload: 1 } as const;
    const [rule] = rules([{ kind: "condition", send, ...workflow }]);
    const memory = new Map<string, unknown>();
    const answered: unknown[] = [];
    for (const value of values) {
      const { calls, cloud } = recorder();
      await rule?.(eventWith(value), cloud, memory);
      if (calls.length > 0) answered.push(value);
    }
    return answered;
  }

  function eventWith(value: unknown): StoredEvent {
    const eventData = value === undefined ? { other: 1 } : { t: value };
    return { projectMqtt: "p", userMqtt: "u", deviceId: "d", eventData } as unknown as StoredEvent;
  }

  function recorder(): { calls: unknown[][]; cloud: Cloud } {
    const calls: unknown[][] = [];
    const called =
      (name: string) =>
      async (...args: unknown[]) => {
        calls.push([name, ...args]);
      };
    return {
      calls,
      cloud: {
        sendDeviceEvent: called("sendDeviceEvent"),
        sendUpdate: called("sendUpdate"),
        sendGroupMessage: called("sendGroupMessage"),
      },
    };
  }
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
