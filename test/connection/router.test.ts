// Who gets a received message, for any set of nodes: against a definition that looks at every node.
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { Router } from "../../nodes/connection/router";
import { Subscriptions } from "../../nodes/connection/subscriptions";
import type { DeviceWish, GroupWish, Wish } from "../../nodes/connection/wishes";
import type { QoS, Receive } from "../../nodes/protocol/settings";
import { type Address, addressTopic } from "../../nodes/protocol/topics";
import { level } from "../protocol/arbitraries";
import { FakeWire, subscriber } from "../support/subscribers";

const WHO = { projectMqtt: "p", userMqtt: "u" };

// Few names, so that wishes and addresses meet; the words of our own keys and topics among them.
const name = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom("a", "b", "event", "update", "group", "1") },
  { weight: 1, arbitrary: level },
);
const type = fc.oneof(
  name,
  fc.tuple(name, name).map((levels) => levels.join("/")),
);
const qos = fc.constantFrom<QoS[]>(0, 1, 2);
const common = { updateType: fc.oneof(fc.constant(""), type), broadcast: fc.boolean(), qos };

const deviceWish: fc.Arbitrary<DeviceWish> = fc.record({
  kind: fc.constant("device"),
  deviceId: fc.oneof(fc.constant(""), name),
  receive: fc.constantFrom<Receive[]>("all", "event", "update"),
  ...common,
});
const groupWish: fc.Arbitrary<GroupWish> = fc.record({
  kind: fc.constant("group"),
  groups: fc.array(name, { maxLength: 4 }),
  ...common,
});
const wishes = fc.array(fc.oneof(deviceWish, groupWish), { maxLength: 12 });

const address: fc.Arbitrary<Address> = fc
  .record({
    kind: fc.constantFrom("event", "update", "group"),
    to: fc.oneof(name, fc.constant("_all")),
    updateType: type,
  })
  .map(({ kind, to, updateType }) => {
    const broadcast = to === "_all";
    if (kind === "group") return { kind, projectMqtt: "p", groupId: to, updateType, broadcast };
    if (kind === "event") return { kind, ...WHO, deviceId: to, broadcast };
    return { kind: "update", ...WHO, deviceId: to, updateType, broadcast };
  });

/** What the settings of the nodes say in words. */
function wants(wish: Wish, to: Address): boolean {
  if (to.broadcast && !wish.broadcast) return false;
  const anyType = wish.updateType === "";
  if (to.kind === "group") {
    if (wish.kind !== "group") return false;
    if (!to.broadcast && !wish.groups.includes(to.groupId)) return false;
    return anyType || wish.updateType === to.updateType;
  }
  if (wish.kind !== "device") return false;
  if (!to.broadcast && wish.deviceId !== "" && wish.deviceId !== to.deviceId) return false;
  if (wish.receive !== "all" && wish.receive !== to.kind) return false;
  return to.kind === "event" || anyType || wish.updateType === to.updateType;
}

/** MQTT 3.1.1, 4.7.1: `#` stands for any number of levels, those of the parent included. */
function filterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  const rest = wanted.indexOf("#");
  const fixed = rest < 0 ? wanted : wanted.slice(0, rest);
  return (
    fixed.every((part, index) => part === levels[index]) &&
    (rest >= 0 || fixed.length === levels.length)
  );
}

/** The filters that stand on the wire once all these wishes are known. */
async function wireFilters(wanted: readonly Wish[]): Promise<string[]> {
  const subscriptions = new Subscriptions(WHO);
  for (const wish of wanted) subscriptions.add(subscriber(wish));
  const wire = new FakeWire();
  await subscriptions.synchronise(wire);
  return [...wire.filters.keys()];
}

function targetsOf<Target>(router: Router<Target>, to: Address): Target[] {
  const route = router.route(addressTopic(to));
  assert.deepEqual(route?.address, to);
  return [...(route?.targets ?? [])];
}

describe("router", () => {
  it("finds exactly the nodes that want a message, each once", () => {
    fc.assert(
      fc.property(wishes, address, (all, to) => {
        const router = new Router<number>(WHO);
        all.forEach((wish, index) => {
          router.add(index, wish);
        });
        const wanting = [...all.keys()].filter((index) => wants(all[index] as Wish, to));
        const found = targetsOf(router, to);
        assert.deepEqual(found.sort(byNumber), wanting);
      }),
      { numRuns: 1_000 },
    );
  });

  it("notices that nodes have come and gone since it routed the same message", () => {
    fc.assert(
      fc.property(wishes, wishes, address, (staying, leaving, to) => {
        const router = new Router<Wish>(WHO);
        for (const wish of leaving) router.add(wish, wish);
        targetsOf(router, to);
        for (const wish of staying) router.add(wish, wish);
        targetsOf(router, to);
        for (const wish of leaving) router.remove(wish, wish);
        const wanting = staying.filter((wish) => wants(wish, to));
        assert.deepEqual(new Set(targetsOf(router, to)), new Set(wanting));
      }),
    );
  });

  it("finds nobody for a topic that is none of Medium One's", () => {
    assert.equal(new Router<Wish>(WHO).route("1/p"), undefined);
  });

  it("routes as before however many topics have come by, and keeps the latest only", () => {
    const router = new Router<string>(WHO);
    router.add("any", { ...fc.sample(deviceWish, 1)[0], deviceId: "", receive: "all" } as Wish);
    const [first = "", ...others] = Array.from({ length: 30_000 }, (_, at) => `1/p/u/d${at}/event`);
    const route = router.route(first);
    assert.equal(router.route(first), route);
    for (const topic of others) assert.deepEqual(router.route(topic)?.targets, ["any"]);
    assert.notEqual(router.route(first), route);
    assert.deepEqual(router.route(first), route);
  });

  it("does not mind being told to forget a node that it does not know", () => {
    const wish = fc.sample(deviceWish, 1)[0] as Wish;
    new Router<Wish>(WHO).remove(wish, wish);
  });
});

describe("wire filters of any set of wishes", () => {
  it("cover every message that a node wants, by one filter: every broker sends one copy", async () => {
    await fc.assert(
      fc.asyncProperty(wishes, address, async (all, to) => {
        const filters = await wireFilters(all);
        const matching = filters.filter((filter) => filterMatches(filter, addressTopic(to)));
        assert.ok(matching.length <= 1, matching.join(" and "));
        if (all.some((wish) => wants(wish, to))) assert.equal(matching.length, 1);
      }),
      { numRuns: 1_000 },
    );
  });

  it("have nothing in common with one another", async () => {
    await fc.assert(
      fc.asyncProperty(wishes, async (all) => {
        const filters = await wireFilters(all);
        for (const filter of filters) {
          const within = filter.replace("#", "x/y");
          const matching = filters.filter((other) => filterMatches(other, within));
          assert.deepEqual(matching, [filter]);
        }
      }),
    );
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}
