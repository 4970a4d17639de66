// What stands on the wire for what the nodes want, and which of them get what arrives.
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { QoS } from "../../nodes/protocol/settings";
import type { SubscriptionRequest } from "../../nodes/subscriptions/subscription-request";
import { type DeliveryOutcome, Subscriptions } from "../../nodes/subscriptions/subscriptions";
import {
  deviceRequest,
  FakeWire,
  groupRequest,
  type RememberingSubscriber,
  subscriber,
} from "../support/subscribers";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const ANY = "1/p/u/#";

interface Scene {
  readonly subscriptions: Subscriptions;
  readonly wire: FakeWire;
  /** Adds a subscriber for each request. */
  add(...requests: SubscriptionRequest[]): RememberingSubscriber[];
  /** Brings the wire in line; resolves with the packets that took. */
  synchronise(): Promise<string[]>;
  /** What the latest SUBSCRIBE brings has come. */
  settle(): void;
  /** As a new connection would. */
  reconnect(sessionPresent: boolean): Promise<string[]>;
  /** Hands over a message that arrived. */
  arrives(topic: string, retain?: boolean): DeliveryOutcome;
}

function scene(): Scene {
  const wire = new FakeWire();
  let now = 1;
  const subscriptions = new Subscriptions(WHO, () => now);
  const synchronise = async () => {
    await subscriptions.synchronise(wire);
    return wire.take();
  };
  return {
    subscriptions,
    wire,
    settle() {
      now += 5_000;
    },
    add(...requests) {
      const added = requests.map(subscriber);
      for (const one of added) subscriptions.add(one);
      return added;
    },
    synchronise,
    reconnect(sessionPresent) {
      if (!sessionPresent) wire.filters.clear();
      subscriptions.connected(sessionPresent);
      return synchronise();
    },
    arrives: (topic, retain = false) =>
      subscriptions.deliver({ topic, payload: Buffer.from("x"), qos: 1, retain }),
  };
}

/** The filters whose refusals it was told, undefined for each that was taken back. */
function told(one: RememberingSubscriber | undefined): unknown[] {
  return (one?.refusals ?? []).map((reason) => {
    assert.ok(!reason || reason.code === "SUBSCRIPTION_REFUSED");
    return reason?.details.filter;
  });
}

describe("subscriptions: the wire", () => {
  it("carries one SUBSCRIBE for all filters, each once", async () => {
    const { add, synchronise } = scene();
    add(deviceRequest("a"), deviceRequest("a"), deviceRequest("b"), groupRequest(["g"]));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1 1/p/u/b/#:1 2/p/g/#:1"]);
  });

  it("carries nothing when nothing has changed", async () => {
    const { add, synchronise, subscriptions } = scene();
    assert.deepEqual(await synchronise(), []);
    const [first] = add(deviceRequest("a"), deviceRequest("a"));
    await synchronise();
    assert.deepEqual(await synchronise(), []);
    if (first) subscriptions.remove(first);
    assert.deepEqual(await synchronise(), [], "another node still wants the filter");
  });

  it("carries differences only", async () => {
    const { add, synchronise, subscriptions } = scene();
    const [a] = add(deviceRequest("a"), deviceRequest("b"));
    await synchronise();
    if (a) subscriptions.remove(a);
    add(deviceRequest("c"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/c/#:1", "- 1/p/u/a/#"]);
  });

  it("is granted the new filters before the old ones are given up", async () => {
    const { add, synchronise, subscriptions } = scene();
    const [a, b] = add(deviceRequest("a"), deviceRequest("b"));
    await synchronise();
    const [any] = add(deviceRequest(""));
    assert.deepEqual(await synchronise(), [`+ ${ANY}:1`, "- 1/p/u/a/# 1/p/u/b/#"]);
    if (any) subscriptions.remove(any);
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1 1/p/u/b/#:1", `- ${ANY}`]);
    assert.ok(a && b);
  });

  it("gives up nothing before the grants of a change that comes meanwhile", async () => {
    const { add, synchronise, subscriptions, wire } = scene();
    const [any] = add(deviceRequest(""));
    await synchronise();
    if (any) subscriptions.remove(any);
    add(deviceRequest("a"));
    wire.beforeAnswer = () => {
      wire.beforeAnswer = () => undefined;
      add(deviceRequest("b"));
      void subscriptions.synchronise(wire);
    };
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1", "+ 1/p/u/b/#:1", `- ${ANY}`]);
  });

  it("subscribes with the highest QoS of what a filter covers, and to a changed one again", async () => {
    const { add, synchronise, subscriptions } = scene();
    const [, , two] = add(
      deviceRequest("", { qos: 0 }),
      deviceRequest("a", { qos: 1 }),
      deviceRequest("b", { qos: 2 }),
      groupRequest(["g"], { qos: 0 }),
    );
    assert.deepEqual(await synchronise(), [`+ ${ANY}:2 2/p/g/#:0`]);
    if (two) subscriptions.remove(two);
    assert.deepEqual(await synchronise(), [`+ ${ANY}:1`]);
    add(groupRequest(["g"], { qos: 2 }));
    assert.deepEqual(await synchronise(), ["+ 2/p/g/#:2"]);
  });

  it("takes a lower grant for an answer, not for a reason to ask again", async () => {
    const { add, synchronise, wire } = scene();
    add(deviceRequest("a", { qos: 2 }));
    wire.subscribe = async (filters) => new Map([...filters.keys()].map((filter) => [filter, 0]));
    await synchronise();
    wire.subscribe = () => assert.fail("asked again");
    await synchronise();
  });

  it("forgets a subscriber once, and one that it does not know", async () => {
    const { add, synchronise, subscriptions, arrives } = scene();
    const [a] = add(deviceRequest("a"));
    assert.ok(a);
    subscriptions.remove(a);
    subscriptions.remove(a);
    assert.deepEqual(await synchronise(), []);
    arrives("1/p/u/a/event");
    assert.deepEqual(a.messages, []);
  });

  it("ends as the requests say after any sequence of changes, failures and reconnections", async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("add" as const),
        device: fc.constantFrom("", "a", "b"),
        qos: fc.constantFrom<QoS[]>(0, 1, 2),
      }),
      fc.record({ do: fc.constant("remove" as const), index: fc.nat() }),
      fc.record({ do: fc.constant("refuse" as const), filter: fc.constantFrom(ANY, "1/p/u/a/#") }),
      fc.record({
        do: fc.constantFrom("synchronise" as const, "fail" as const, "lose" as const),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { add, wire, subscriptions, synchronise, reconnect } = scene();
        const present: { request: SubscriptionRequest; one: RememberingSubscriber }[] = [];
        for (const each of steps) {
          if (each.do === "add") {
            const request = deviceRequest(each.device, { qos: each.qos });
            present.push(...add(request).map((one) => ({ request, one })));
          } else if (each.do === "remove") {
            const [gone] = present.splice(each.index % Math.max(1, present.length), 1);
            if (gone) subscriptions.remove(gone.one);
          } else if (each.do === "refuse") {
            wire.refused.add(each.filter);
          } else if (each.do === "synchronise") {
            await synchronise();
          } else if (each.do === "lose") {
            await reconnect(false);
          } else {
            // The answer never comes, though the broker may have acted.
            wire.beforeAnswer = () => {
              throw new Error("connection lost");
            };
            await subscriptions.synchronise(wire).catch(() => undefined);
            wire.beforeAnswer = () => undefined;
          }
        }
        wire.refused.clear();
        await reconnect(true);
        const devices = new Set(
          present.flatMap(({ request }) => (request.kind === "device" ? request.ids : [])),
        );
        const any = devices.has("");
        const expected = new Map<string, QoS>();
        for (const { request } of present) {
          if (request.kind !== "device") continue;
          const filter = any ? ANY : `1/p/u/${request.ids}/#`;
          expected.set(filter, Math.max(expected.get(filter) ?? 0, request.qos) as QoS);
        }
        assert.deepEqual(new Map([...wire.filters].sort()), new Map([...expected].sort()));
        for (const { one } of present) assert.equal(one.refusals.at(-1), undefined);
      }),
      { numRuns: 500 },
    );
  });
});

describe("subscriptions: changes during a run", () => {
  it("are merged into one more run", async () => {
    const { add, subscriptions, wire, synchronise } = scene();
    add(deviceRequest("a"));
    wire.beforeAnswer = async () => {
      wire.beforeAnswer = () => undefined;
      for (const device of ["b", "c"]) {
        add(deviceRequest(device));
        await subscriptions.synchronise(wire);
      }
      assert.deepEqual(wire.packets, ["+ 1/p/u/a/#:1"], "a second SUBSCRIBE before the answer");
    };
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1", "+ 1/p/u/b/#:1 1/p/u/c/#:1"]);
  });

  it("do not count as answered by the packet that was sent before them", async () => {
    const { add, subscriptions, wire, synchronise, arrives } = scene();
    const late: RememberingSubscriber[] = [];
    add(deviceRequest("a"));
    wire.beforeAnswer = () => {
      wire.beforeAnswer = () => undefined;
      late.push(...add(deviceRequest("a")));
      void subscriptions.synchronise(wire);
    };
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1", "+ 1/p/u/a/#:1"]);
    arrives("1/p/u/a/update/t", true);
    assert.equal(late[0]?.messages.length, 1);
  });

  it("do not give up what a node wanted that is being replaced", async () => {
    const { add, subscriptions, wire, synchronise } = scene();
    const [a] = add(deviceRequest("a"));
    wire.beforeAnswer = () => {
      wire.beforeAnswer = () => undefined;
      if (a) subscriptions.remove(a);
    };
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1"]);
    add(deviceRequest("a"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1"], "for its retained messages");
    const [b] = add(deviceRequest("b"));
    if (b) subscriptions.remove(b);
    assert.deepEqual(await synchronise(), []);
  });

  it("that want again what is being given up get it back", async () => {
    const { add, subscriptions, wire, synchronise } = scene();
    const [a] = add(deviceRequest("a"));
    await synchronise();
    if (a) subscriptions.remove(a);
    wire.beforeAnswer = () => {
      wire.beforeAnswer = () => undefined;
      add(deviceRequest("a"));
      void subscriptions.synchronise(wire);
    };
    assert.deepEqual(await synchronise(), ["- 1/p/u/a/#", "+ 1/p/u/a/#:1"]);
    assert.deepEqual([...wire.filters.keys()], ["1/p/u/a/#"]);
  });
});

describe("subscriptions: a lost connection", () => {
  const lost = () => Promise.reject(new Error("connection lost"));

  it("rejects the run, and what was not confirmed is asked for again", async () => {
    const { add, subscriptions, wire, reconnect } = scene();
    add(deviceRequest("a"));
    wire.beforeAnswer = lost;
    await assert.rejects(subscriptions.synchronise(wire), /connection lost/);
    wire.beforeAnswer = () => undefined;
    wire.take();
    assert.deepEqual(await reconnect(true), ["+ 1/p/u/a/#:1"]);
  });

  it("leaves what was not confirmed as given up to be given up again", async () => {
    const { add, subscriptions, wire, synchronise, reconnect } = scene();
    const [a] = add(deviceRequest("a"));
    await synchronise();
    if (a) subscriptions.remove(a);
    wire.beforeAnswer = lost;
    await assert.rejects(subscriptions.synchronise(wire), /connection lost/);
    wire.beforeAnswer = () => undefined;
    wire.take();
    assert.deepEqual(await reconnect(true), ["- 1/p/u/a/#"]);
  });

  for (const [how, end] of [
    ["rejected", lost],
    ["answered", () => undefined],
  ] as const) {
    it(`leaves the new one its own run, though the old run is ${how} only later`, async () => {
      const { add, subscriptions, wire, reconnect, synchronise, arrives } = scene();
      add(deviceRequest("a"));
      let answer: () => void = () => undefined;
      const late = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const old = new FakeWire();
      old.refused.add("1/p/u/a/#");
      old.beforeAnswer = () => late.then(end);
      const past = subscriptions.synchronise(old).catch(() => undefined);

      const [b] = add(deviceRequest("b"));
      let newAnswer: () => void = () => undefined;
      wire.beforeAnswer = () => {
        wire.beforeAnswer = () => undefined;
        return new Promise<void>((resolve) => {
          newAnswer = resolve;
        });
      };
      const present = reconnect(false);
      assert.equal(arrives("1/p/u/z/event"), "stale", "for the new run to give up");
      answer();
      await past;
      if (b) subscriptions.remove(b);
      add(deviceRequest("c"));
      await subscriptions.synchronise(wire);
      newAnswer();

      assert.deepEqual(await present, [
        "+ 1/p/u/a/#:1 1/p/u/b/#:1",
        "+ 1/p/u/c/#:1",
        "- 1/p/u/z/# 1/p/u/# 1/p/u/b/#",
      ]);
      assert.deepEqual(old.take(), ["+ 1/p/u/a/#:1"], "nothing more goes over the old one");
      assert.deepEqual(await synchronise(), []);
    });
  }

  it("costs no packet if the broker has kept the session", async () => {
    const { add, synchronise, reconnect } = scene();
    add(deviceRequest("a"), groupRequest(["g"]));
    await synchronise();
    assert.deepEqual(await reconnect(true), []);
  });

  it("leaves nothing to give up if the session is lost", async () => {
    const { add, synchronise, reconnect, subscriptions } = scene();
    const [a] = add(deviceRequest("a"), deviceRequest("b"));
    await synchronise();
    if (a) subscriptions.remove(a);
    assert.deepEqual(await reconnect(false), ["+ 1/p/u/b/#:1"]);
  });

  it("has everything subscribed to again if the session is lost", async () => {
    const { add, synchronise, reconnect, arrives } = scene();
    const [a] = add(deviceRequest("a"), groupRequest(["g"]));
    await synchronise();
    assert.deepEqual(await reconnect(false), ["+ 1/p/u/a/#:1 2/p/g/#:1"]);
    arrives("1/p/u/a/update/t", true);
    assert.equal(a?.messages.length, 1, "a retained update may have changed meanwhile");
  });
});

describe("subscriptions: a session that remembers more than we do", () => {
  it("has what nobody wants given up when a message shows it, once", async () => {
    const { add, synchronise, reconnect, arrives } = scene();
    add(deviceRequest("a"));
    await synchronise();
    assert.equal(arrives("1/p/u/b/event"), "stale");
    assert.deepEqual(await synchronise(), ["- 1/p/u/b/# 1/p/u/#"]);
    assert.equal(arrives("1/p/u/b/update/t"), "unwanted", "it was on its way");
    assert.equal(arrives("1/p/u/c/event"), "unwanted", "the wide filter is given up as well");
    assert.equal(arrives("2/p/g/t"), "stale");
    assert.deepEqual(await synchronise(), ["- 2/p/g/#"]);
    assert.deepEqual(await reconnect(true), []);
    assert.equal(arrives("1/p/u/b/event"), "stale", "it was not given up after all");
  });

  it("keeps what somebody has come to want meanwhile", async () => {
    const { add, synchronise, arrives } = scene();
    add(deviceRequest("a"));
    await synchronise();
    arrives("1/p/u/b/event");
    add(deviceRequest("b"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/b/#:1", "- 1/p/u/#"]);
  });
});

describe("subscriptions: a refusal", () => {
  it("is told once, to each node that it concerns", async () => {
    const { add, wire, synchronise } = scene();
    wire.refused.add("1/p/u/a/#");
    const [a, also, b] = add(deviceRequest("a"), deviceRequest("a"), deviceRequest("b"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1 1/p/u/b/#:1"]);
    assert.deepEqual(await synchronise(), [], "nothing has changed");
    for (const concerned of [a, also]) assert.deepEqual(told(concerned), ["1/p/u/a/#"]);
    assert.deepEqual(told(b), []);
  });

  it("of every device falls back to the single ones", async () => {
    const { add, wire, synchronise, arrives } = scene();
    wire.refused.add(ANY);
    const [any, a] = add(deviceRequest(""), deviceRequest("a", { qos: 0 }));
    assert.deepEqual(await synchronise(), [`+ ${ANY}:1`, "+ 1/p/u/a/#:0"]);
    assert.deepEqual(told(any), [ANY]);
    assert.deepEqual(told(a), []);
    arrives("1/p/u/a/update/t", true);
    assert.equal(a?.messages.length, 1, "the retained update that its own filter brought");
  });

  it("of every device gives up none of the single ones that stood before", async () => {
    const { add, wire, synchronise } = scene();
    add(deviceRequest("a"));
    await synchronise();
    wire.refused.add(ANY);
    add(deviceRequest(""));
    assert.deepEqual(await synchronise(), [`+ ${ANY}:1`]);
    assert.deepEqual([...wire.filters.keys()], ["1/p/u/a/#"]);
  });

  it("is asked again for a newcomer, and taken back when the broker grants it", async () => {
    const { add, wire, synchronise, arrives } = scene();
    wire.refused.add("1/p/u/a/#");
    const [a] = add(deviceRequest("a"));
    await synchronise();
    wire.refused.clear();
    const [newcomer] = add(deviceRequest("a"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1"]);
    assert.deepEqual(told(a), ["1/p/u/a/#", undefined]);
    assert.deepEqual(told(newcomer), []);
    arrives("1/p/u/a/update/t", true);
    assert.equal(a?.messages.length, 1, "it has never had the retained update");
    assert.equal(newcomer?.messages.length, 1);
  });

  it("brings no retained message twice to a node whose other filter was granted", async () => {
    const { add, wire, synchronise, arrives } = scene();
    wire.refused.add("1/p/u/a/#");
    const [a] = add(deviceRequest("a", { broadcast: true }));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1 1/p/u/_all/#:1"]);
    arrives("1/p/u/_all/update/t", true);
    assert.equal(a?.messages.length, 1);
    assert.deepEqual(await synchronise(), []);
  });

  it("is asked again over a new connection, and not told again while it is the same", async () => {
    const { add, wire, synchronise, reconnect } = scene();
    wire.refused.add("1/p/u/a/#");
    const [a] = add(deviceRequest("a"));
    await synchronise();
    assert.deepEqual(await reconnect(true), ["+ 1/p/u/a/#:1"]);
    assert.deepEqual(told(a), ["1/p/u/a/#"]);
    wire.refused.clear();
    await reconnect(true);
    assert.deepEqual(told(a).slice(1), [undefined]);
  });

  it("of what was granted before has it given up, for who knows what the broker still sends", async () => {
    const { add, wire, synchronise, arrives } = scene();
    const [a] = add(deviceRequest("a"));
    await synchronise();
    wire.refused.add("1/p/u/a/#");
    const [newcomer] = add(deviceRequest("a"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1", "- 1/p/u/a/#"]);
    for (const one of [a, newcomer]) assert.deepEqual(told(one), ["1/p/u/a/#"]);
    wire.refused.clear();
    add(deviceRequest("a"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1"]);
    arrives("1/p/u/a/update/t", true);
    assert.equal(newcomer?.messages.length, 1, "it has never had the retained update");
  });

  it("is what an answer without a code is taken for", async () => {
    const { add, wire, synchronise } = scene();
    const [a] = add(deviceRequest("a"));
    wire.subscribe = async () => new Map();
    await synchronise();
    assert.deepEqual(told(a), ["1/p/u/a/#"]);
  });

  it("by any reason code of MQTT 5 counts", async () => {
    for (const code of [128, 131, 135, 143, 151, 162]) {
      const { add, wire, synchronise } = scene();
      const [a] = add(deviceRequest("a"));
      wire.subscribe = async (filters) => new Map([...filters.keys()].map((f) => [f, code]));
      await synchronise();
      assert.deepEqual(told(a), ["1/p/u/a/#"], String(code));
    }
  });
});

describe("subscriptions: delivery", () => {
  it("reaches each node that wants the message, once, whatever filters overlap", async () => {
    const { add, synchronise, arrives } = scene();
    const [any, a, both, b] = add(
      deviceRequest("", { broadcast: true }),
      deviceRequest("a"),
      deviceRequest("a", { broadcast: true }),
      deviceRequest("b", { broadcast: true }),
    );
    await synchronise();
    arrives("1/p/u/a/event");
    arrives("1/p/u/_all/update/t");
    assert.deepEqual(any?.topics, ["1/p/u/a/event", "1/p/u/_all/update/t"]);
    assert.deepEqual(a?.topics, ["1/p/u/a/event"]);
    assert.deepEqual(both?.topics, ["1/p/u/a/event", "1/p/u/_all/update/t"]);
    assert.deepEqual(b?.topics, ["1/p/u/_all/update/t"]);
  });

  it("accepts a message that no node wants, and none for another user or project", async () => {
    const { add, synchronise, arrives } = scene();
    const [any] = add(deviceRequest("", { receive: "event" }), groupRequest(["g"]));
    await synchronise();
    assert.equal(arrives("1/p/u/a/update/t"), "unwanted");
    assert.equal(arrives("1/p/someone/a/event"), "foreign");
    assert.equal(arrives("1/p/someone/a/update/t"), "foreign");
    assert.equal(arrives("1/other/u/a/event"), "foreign");
    assert.equal(arrives("2/other/g/t"), "foreign");
    assert.deepEqual(any?.messages, []);
  });

  it("of what is retained goes to newcomers only", async () => {
    const { add, synchronise, arrives } = scene();
    const [old] = add(deviceRequest("a"));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    const [newcomer] = add(deviceRequest("a"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1"], "only a SUBSCRIBE brings them");
    arrives("1/p/u/a/update/t", true);
    assert.equal(old?.messages.length, 1);
    assert.equal(newcomer?.messages.length, 1);
    arrives("1/p/u/a/update/t");
    assert.equal(old?.messages.length, 2);
  });

  it("of what is retained goes to newcomers only, also when a wider filter brings it", async () => {
    const { add, synchronise, arrives, settle } = scene();
    const [old] = add(deviceRequest("a"));
    await synchronise();
    settle();
    const [newcomer] = add(deviceRequest(""));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    assert.deepEqual(old?.messages, []);
    assert.equal(newcomer?.messages.length, 1);
    const [third] = add(deviceRequest("a"));
    assert.deepEqual(await synchronise(), [`+ ${ANY}:1`]);
    arrives("1/p/u/a/update/t", true);
    assert.deepEqual(old?.messages, []);
    assert.equal(newcomer?.messages.length, 1);
    assert.equal(third?.messages.length, 1);
  });

  it("of what is retained still goes to a node that another device's newcomer joins", async () => {
    const { add, synchronise, arrives } = scene();
    const [a] = add(deviceRequest("a"));
    await synchronise();
    add(deviceRequest("b"));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    assert.equal(a?.messages.length, 1);
  });

  it("of what is retained is not repeated by a change of QoS", async () => {
    const { add, synchronise, arrives, subscriptions, settle } = scene();
    const [low, high] = add(deviceRequest("a", { qos: 0 }), deviceRequest("a", { qos: 2 }));
    await synchronise();
    settle();
    if (high) subscriptions.remove(high);
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:0"]);
    arrives("1/p/u/a/update/t", true);
    assert.deepEqual(low?.messages, []);
  });

  it("of what is retained is neither lost nor repeated when one SUBSCRIBE follows another closely", async () => {
    const { add, synchronise, arrives } = scene();
    const [first] = add(deviceRequest(""));
    await synchronise();
    const [second] = add(deviceRequest("a"));
    await synchronise();
    // Each SUBSCRIBE brings both, and all of that comes now.
    for (const _subscribe of [1, 2]) {
      arrives("1/p/u/a/update/t", true);
      arrives("1/p/u/b/update/t", true);
    }
    assert.deepEqual(first?.topics, ["1/p/u/a/update/t", "1/p/u/b/update/t"]);
    assert.deepEqual(second?.topics, ["1/p/u/a/update/t"]);
  });

  it("of what is retained leaves out what came just before as it was sent", async () => {
    const { add, synchronise, arrives } = scene();
    const [first] = add(deviceRequest("a"));
    await synchronise();
    arrives("1/p/u/a/update/t");
    const [second] = add(deviceRequest("a"));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    assert.equal(first?.messages.length, 1);
    assert.equal(second?.messages.length, 1);
  });

  it("of what is retained comes again with a new session, however soon", async () => {
    const { add, synchronise, arrives, reconnect } = scene();
    const [one] = add(deviceRequest("a"));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    await reconnect(false);
    arrives("1/p/u/a/update/t", true);
    assert.equal(one?.messages.length, 2);
  });
});

describe("subscriptions: a request that changes", () => {
  const changing = (request: SubscriptionRequest) => {
    const current = scene();
    const one = { ...subscriber(request), request };
    current.subscriptions.add(one);
    const change = (next: SubscriptionRequest) => {
      one.request = next;
      current.subscriptions.change(one);
    };
    return { ...current, one, change };
  };
  const devices = (...ids: string[]) => deviceRequest("", { ids });

  it("costs a SUBSCRIBE for what is new, and an UNSUBSCRIBE for what is not wanted any more", async () => {
    const { change, synchronise } = changing(devices("a", "b"));
    await synchronise();
    change(devices("b", "c"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/c/#:1", "- 1/p/u/a/#"]);
    change(devices());
    assert.deepEqual(await synchronise(), ["- 1/p/u/b/# 1/p/u/c/#"]);
  });

  it("leaves what others want", async () => {
    const { add, change, synchronise } = changing(devices("a"));
    add(deviceRequest("a"));
    await synchronise();
    change(devices());
    assert.deepEqual(await synchronise(), []);
  });

  it("routes by the new one at once", async () => {
    const { change, arrives, one } = changing(devices("a"));
    change(devices("b"));
    assert.equal(arrives("1/p/u/b/event"), "wanted");
    arrives("1/p/u/a/event");
    assert.deepEqual(
      one.messages.map(({ topic }) => topic),
      ["1/p/u/b/event"],
    );
  });

  it("brings what is retained for what is new only", async () => {
    const { add, change, synchronise, arrives, one, settle } = changing(devices("a"));
    // With it, all comes by one filter.
    add(deviceRequest(""));
    await synchronise();
    settle();
    change(devices("a", "b"));
    assert.deepEqual(await synchronise(), [`+ ${ANY}:1`]);
    arrives("1/p/u/a/update/t", true);
    arrives("1/p/u/b/update/t", true);
    assert.deepEqual(
      one.messages.map(({ topic }) => topic),
      ["1/p/u/b/update/t"],
    );
  });

  it("brings what is retained again when it was given up in between", async () => {
    const { change, synchronise, arrives, one } = changing(devices("a"));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    change(devices());
    await synchronise();
    change(devices("a"));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    assert.equal(one.messages.length, 2);
  });

  it("takes back the refusal of what is given up, and asks again for what was refused", async () => {
    const { change, synchronise, one, wire } = changing(devices("a"));
    wire.refused.add("1/p/u/a/#");
    await synchronise();
    assert.equal(one.refusals.length, 1);
    change(devices("b"));
    await synchronise();
    assert.deepEqual(told(one).at(-1), undefined);
    change(devices("b", "a"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1"]);
    assert.deepEqual(told(one), ["1/p/u/a/#", undefined, "1/p/u/a/#"]);
  });

  it("tells each refusal, also while another filter is refused already", async () => {
    const { change, synchronise, one, wire } = changing(devices("a"));
    wire.refused.add("1/p/u/a/#").add("1/p/u/b/#");
    await synchronise();
    change(devices("a", "b"));
    await synchronise();
    assert.deepEqual(told(one), ["1/p/u/a/#", "1/p/u/b/#"]);
    change(devices("b"));
    await synchronise();
    assert.equal(one.refusals.length, 2, "it is refused still");
    change(devices());
    await synchronise();
    assert.deepEqual(told(one).at(-1), undefined);
  });

  it("brings what is retained though it goes and comes again before the broker has answered", async () => {
    const { change, synchronise, one, wire, arrives, subscriptions } = changing(devices("a"));
    wire.beforeAnswer = () => {
      wire.beforeAnswer = () => undefined;
      change(devices());
      change(devices("a"));
      void subscriptions.synchronise(wire);
    };
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1", "+ 1/p/u/a/#:1"]);
    arrives("1/p/u/a/update/t", true);
    assert.equal(one.messages.length, 1);
  });

  it("does not bring again what came by a wider filter", async () => {
    const { change, synchronise, one, arrives, settle } = changing(devices(""));
    await synchronise();
    arrives("1/p/u/a/update/t", true);
    settle();
    change(devices("a"));
    assert.deepEqual(await synchronise(), ["+ 1/p/u/a/#:1", `- ${ANY}`]);
    arrives("1/p/u/a/update/t", true);
    assert.equal(one.messages.length, 1);
  });

  it("of a subscriber that has left has no effect", async () => {
    const { change, one, synchronise, subscriptions } = changing(devices("a"));
    subscriptions.remove(one);
    change(devices("b"));
    assert.deepEqual(await synchronise(), []);
  });
});
