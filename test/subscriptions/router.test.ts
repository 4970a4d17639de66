// Who gets a received message, for any set of nodes: against a definition that looks at every node.
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { QoS, Receive } from "../../nodes/protocol/settings";
import { type Address, addressTopic } from "../../nodes/protocol/topics";
import { Router } from "../../nodes/subscriptions/router";
import type {
  DeviceRequest,
  GroupRequest,
  SubscriptionRequest,
} from "../../nodes/subscriptions/subscription-request";
import { Subscriptions } from "../../nodes/subscriptions/subscriptions";
import { level } from "../protocol/arbitraries";
import { FakeWire, subscriber } from "../support/subscribers";

const WHO = { projectMqtt: "p", userMqtt: "u" };

// Few names, so that requests and addresses meet; the words of our own keys and topics among them.
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

const deviceRequest: fc.Arbitrary<DeviceRequest> = fc.record({
  kind: fc.constant("device"),
  ids: fc.array(fc.oneof(fc.constant(""), name), { maxLength: 4 }),
  receive: fc.constantFrom<Receive[]>("all", "event", "update"),
  ...common,
});
const groupRequest: fc.Arbitrary<GroupRequest> = fc.record({
  kind: fc.constant("group"),
  ids: fc.array(name, { maxLength: 4 }),
  ...common,
});
const requests = fc.array(fc.oneof(deviceRequest, groupRequest), { maxLength: 12 });

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
function wants(request: SubscriptionRequest, to: Address): boolean {
  if (to.broadcast && !request.broadcast) return false;
  const anyType = request.updateType === "";
  if (to.kind === "group") {
    if (request.kind !== "group") return false;
    if (!to.broadcast && !request.ids.includes(to.groupId)) return false;
    return anyType || request.updateType === to.updateType;
  }
  if (request.kind !== "device") return false;
  const { ids } = request;
  if (!to.broadcast && !ids.includes("") && !ids.includes(to.deviceId)) return false;
  if (request.receive !== "all" && request.receive !== to.kind) return false;
  return to.kind === "event" || anyType || request.updateType === to.updateType;
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

/** The filters that stand on the wire once all these requests are known. */
async function wireFilters(wanted: readonly SubscriptionRequest[]): Promise<string[]> {
  const subscriptions = new Subscriptions(WHO);
  for (const request of wanted) subscriptions.add(subscriber(request));
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
      fc.property(requests, address, (all, to) => {
        const router = new Router<number>(WHO);
        all.forEach((request, index) => {
          router.add(index, request);
        });
        const wanting = [...all.keys()].filter((index) =>
          wants(all[index] as SubscriptionRequest, to),
        );
        const found = targetsOf(router, to);
        assert.deepEqual(found.sort(byNumber), wanting);
      }),
      { numRuns: 1_000 },
    );
  });

  it("notices that nodes have come and gone since it routed the same message", () => {
    fc.assert(
      fc.property(requests, requests, address, (staying, leaving, to) => {
        const router = new Router<SubscriptionRequest>(WHO);
        for (const request of leaving) router.add(request, request);
        targetsOf(router, to);
        for (const request of staying) router.add(request, request);
        targetsOf(router, to);
        for (const request of leaving) router.remove(request, request);
        const wanting = staying.filter((request) => wants(request, to));
        assert.deepEqual(new Set(targetsOf(router, to)), new Set(wanting));
      }),
    );
  });

  it("finds nobody for a topic that is none of Medium One's", () => {
    assert.equal(new Router<SubscriptionRequest>(WHO).route("1/p"), undefined);
  });

  it("routes as before however many topics have come by, and keeps the latest only", () => {
    const router = new Router<string>(WHO);
    router.add("any", {
      ...fc.sample(deviceRequest, 1)[0],
      ids: [""],
      receive: "all",
    } as SubscriptionRequest);
    const [first = "", ...others] = Array.from({ length: 30_000 }, (_, at) => `1/p/u/d${at}/event`);
    const route = router.route(first);
    assert.equal(router.route(first), route);
    for (const topic of others) assert.deepEqual(router.route(topic)?.targets, ["any"]);
    assert.notEqual(router.route(first), route);
    assert.deepEqual(router.route(first), route);
  });

  it("does not mind being told to forget a node that it does not know", () => {
    const request = fc.sample(deviceRequest, 1)[0] as SubscriptionRequest;
    new Router<SubscriptionRequest>(WHO).remove(request, request);
  });
});

describe("wire filters of any set of requests", () => {
  it("cover every message that a node wants, by one filter: every broker sends one copy", async () => {
    await fc.assert(
      fc.asyncProperty(requests, address, async (all, to) => {
        const filters = await wireFilters(all);
        const matching = filters.filter((filter) => filterMatches(filter, addressTopic(to)));
        assert.ok(matching.length <= 1, matching.join(" and "));
        if (all.some((request) => wants(request, to))) assert.equal(matching.length, 1);
      }),
      { numRuns: 1_000 },
    );
  });

  it("have nothing in common with one another", async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (all) => {
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
