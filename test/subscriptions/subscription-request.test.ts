// What a receiving node asks for, as filters on the wire and as keys of the router.
import { strict as assert } from "node:assert";
import { parseAddress } from "../../nodes/protocol/topics";
import {
  addressKeys,
  coveringFilter,
  filtersOf,
  requestKeys,
  type SubscriptionRequest,
  topicsOf,
} from "../../nodes/subscriptions/subscription-request";

const WHO = { projectMqtt: "p", userMqtt: "u" };

const ONE_DEVICE: SubscriptionRequest = {
  kind: "device",
  ids: ["pump"],
  receive: "all",
  updateType: "",
  broadcast: false,
  qos: 1,
};
const ANY_DEVICE: SubscriptionRequest = { ...ONE_DEVICE, ids: [""] };
const GROUPS: SubscriptionRequest = {
  kind: "group",
  ids: ["north", "south"],
  updateType: "",
  broadcast: false,
  qos: 1,
};

describe("requests: filters", () => {
  const cases: [string, SubscriptionRequest, string[]][] = [
    ["one device", ONE_DEVICE, ["1/p/u/pump/#"]],
    [
      "one device and broadcasts",
      { ...ONE_DEVICE, broadcast: true },
      ["1/p/u/pump/#", "1/p/u/_all/#"],
    ],
    ["any device", ANY_DEVICE, ["1/p/u/#"]],
    ["any device and broadcasts", { ...ANY_DEVICE, broadcast: true }, ["1/p/u/#"]],
    ["events only", { ...ONE_DEVICE, receive: "event" }, ["1/p/u/pump/#"]],
    ["one update type", { ...ONE_DEVICE, updateType: "filter" }, ["1/p/u/pump/#"]],
    ["groups", GROUPS, ["2/p/north/#", "2/p/south/#"]],
    [
      "groups and broadcasts",
      { ...GROUPS, broadcast: true },
      ["2/p/north/#", "2/p/south/#", "2/p/_all/#"],
    ],
    ["broadcasts to groups only", { ...GROUPS, ids: [], broadcast: true }, ["2/p/_all/#"]],
  ];
  for (const [title, request, filters] of cases) {
    it(`are those that Medium One documents: ${title}`, () => {
      assert.deepEqual(filtersOf(WHO, request), filters);
    });
  }

  const topics: [string, SubscriptionRequest, string[]][] = [
    ["one device", ONE_DEVICE, ["1/p/u/pump/event", "1/p/u/pump/update/#"]],
    ["any device", { ...ANY_DEVICE, broadcast: true }, ["1/p/u/+/event", "1/p/u/+/update/#"]],
    [
      "events to one device and to all",
      { ...ONE_DEVICE, receive: "event", broadcast: true },
      ["1/p/u/pump/event", "1/p/u/_all/event"],
    ],
    [
      "one update type",
      { ...ONE_DEVICE, receive: "update", updateType: "filter" },
      ["1/p/u/pump/update/filter"],
    ],
    ["groups", GROUPS, ["2/p/north/#", "2/p/south/#"]],
    [
      "one type of group messages",
      { ...GROUPS, updateType: "filter", broadcast: true },
      ["2/p/north/filter", "2/p/south/filter", "2/p/_all/filter"],
    ],
  ];
  for (const [title, request, expected] of topics) {
    it(`are shown in dialogs as the topics that are meant: ${title}`, () => {
      assert.deepEqual(topicsOf(WHO, request), expected);
    });
  }

  it("of single devices are covered once every device is wanted", () => {
    const wanted = new Set(["1/p/u/pump/#", "1/p/u/#", "2/p/north/#"]);
    assert.equal(coveringFilter(WHO, "1/p/u/pump/#", wanted), "1/p/u/#");
    assert.equal(coveringFilter(WHO, "1/p/u/_all/#", wanted), "1/p/u/#");
    assert.equal(coveringFilter(WHO, "1/p/u/#", wanted), "1/p/u/#");
  });

  it("stand for themselves otherwise", () => {
    const filters = ["1/p/u/pump/#", "2/p/north/#"];
    for (const filter of filters) {
      assert.equal(coveringFilter(WHO, filter, new Set(filters)), filter);
    }
    assert.equal(coveringFilter(WHO, "2/p/north/#", new Set(["1/p/u/#"])), "2/p/north/#");
  });
});

describe("requests: keys", () => {
  it("are one for each kind and each addressee, however often a group is named", () => {
    const request: SubscriptionRequest = { ...GROUPS, ids: ["north", "north"], broadcast: true };
    assert.deepEqual(requestKeys(request), ["group/north/#", "group/_all/#"]);
    assert.deepEqual(requestKeys({ ...ONE_DEVICE, updateType: "filter" }), [
      "event/pump",
      "update/pump/filter",
    ]);
  });

  it("leave out the kind that is not wanted", () => {
    assert.deepEqual(requestKeys({ ...ANY_DEVICE, receive: "event" }), ["event/+"]);
    assert.deepEqual(requestKeys({ ...ANY_DEVICE, receive: "update" }), ["update/+/#"]);
  });

  it("of an address are the same few, however many nodes there are", () => {
    const keysOf = (topic: string) => {
      const address = parseAddress(topic);
      assert.ok(address);
      return addressKeys(address);
    };
    assert.deepEqual(keysOf("1/p/u/pump/event"), ["event/pump", "event/+"]);
    assert.deepEqual(keysOf("1/p/u/_all/update/a/b"), ["update/_all/a/b", "update/_all/#"]);
    assert.deepEqual(keysOf("2/p/north/alarm"), ["group/north/alarm", "group/north/#"]);
  });
});
