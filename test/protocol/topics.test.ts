// Promises of topics and subscription filters (wire-contract: Topics).
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Address,
  addressTopic,
  anyDeviceFilter,
  deviceFilter,
  eventTopic,
  groupFilter,
  type Identity,
  identity,
  maySubscribe,
  parseAddress,
  parseEventTopic,
} from "../../nodes/protocol/topics";
import { anyText, level, updateTypes } from "./arbitraries";
import { refuses } from "./failure";

const who: Identity = { projectMqtt: "p", userMqtt: "u" };
const identities = fc.record({ projectMqtt: level, userMqtt: level });

/** Topics near ours: known levels and any text between any number of slashes. */
const nearTopics = fc.oneof(
  fc
    .array(
      fc.oneof(fc.constantFrom("", "0", "1", "2", "p", "u", "_all", "event", "update"), anyText),
    )
    .map((levels) => levels.join("/")),
  anyText,
  fc.nat({ max: 2_000 }).map((count) => "/".repeat(count)),
  fc.nat({ max: 2_000 }).map((count) => `1/p/u/d/update${"/".repeat(count)}`),
);

describe("identity", () => {
  it("checks both levels", () => {
    assert.deepEqual(identity("p", "u"), who);
    refuses(() => identity("", "u"), "LEVEL_EMPTY", { field: "projectMqtt" });
    refuses(() => identity("p", "u/v"), "LEVEL_CHARACTER", { field: "userMqtt", position: 2 });
    refuses(() => identity(undefined, "u"), "LEVEL_MISSING", { field: "projectMqtt" });
    refuses(() => identity("p", null), "LEVEL_MISSING", { field: "userMqtt" });
  });
});

describe("event topic", () => {
  const BUILT: [string, unknown, string][] = [
    ["a device", "d", "0/p/u/d"],
    ["no device", "", "0/p/u/"],
    ["a number as device", 17, "0/p/u/17"],
    ["a device with a space", "d 1", "0/p/u/d 1"],
  ];
  for (const [what, deviceId, topic] of BUILT) {
    it(`is ${topic} for ${what}`, () => assert.equal(eventTopic(who, deviceId), topic));
  }

  it("needs a device id that is stated, valid and not everyone's", () => {
    refuses(() => eventTopic(who, undefined), "LEVEL_MISSING", { field: "deviceId" });
    refuses(() => eventTopic(who, "a/b"), "LEVEL_CHARACTER", { field: "deviceId" });
    refuses(() => eventTopic(who, "_all"), "LEVEL_RESERVED", { field: "deviceId" });
  });

  it("has at most the 65,535 characters of MQTT", () => {
    const longest = "d".repeat(65_535 - "0/p/u/".length);
    assert.equal(eventTopic(who, longest).length, 65_535);
    refuses(() => eventTopic(who, `${longest}d`), "TOPIC_TOO_LONG", {
      length: 65_536,
      limit: 65_535,
    });
  });

  const PARSED: [string, ReturnType<typeof parseEventTopic>][] = [
    ["0/p/u/d", { projectMqtt: "p", userMqtt: "u", deviceId: "d" }],
    ["0/p/u/", { projectMqtt: "p", userMqtt: "u", deviceId: "" }],
    ["0/p/u/d/", { projectMqtt: "p", userMqtt: "u", deviceId: "d" }],
    ["0/p/u//", undefined],
    ["0/p/u/d//", undefined],
    ["0/p/u/d/e", undefined],
    ["0/p/u/d/e/", undefined],
    ["0/p/u", undefined],
    ["0/p//d", undefined],
    ["0//u/d", undefined],
    ["1/p/u/d", undefined],
    ["/0/p/u/d", undefined],
    ["00/p/u/d", undefined],
    ["", undefined],
  ];
  for (const [topic, expected] of PARSED) {
    it(`${JSON.stringify(topic)} ${expected ? "is one" : "is none"}`, () => {
      assert.deepEqual(parseEventTopic(topic), expected);
    });
  }

  it("is taken apart into what it was built of", () => {
    fc.assert(
      fc.property(identities, fc.oneof(level, fc.constant("")), (someone, deviceId) => {
        const topic = eventTopic(someone, deviceId);
        assert.deepEqual(parseEventTopic(topic), { ...someone, deviceId });
        if (deviceId !== "")
          assert.deepEqual(parseEventTopic(`${topic}/`), { ...someone, deviceId });
      }),
    );
  });

  it("of any topic at all is found or not, without an error", () => {
    fc.assert(
      fc.property(nearTopics, (topic) => {
        const found = parseEventTopic(topic);
        if (!found) return;
        const built = `0/${found.projectMqtt}/${found.userMqtt}/${found.deviceId}`;
        assert.ok(topic === built || topic === `${built}/`, topic);
      }),
    );
  });
});

describe("address", () => {
  const update = { kind: "update", projectMqtt: "p", userMqtt: "u" } as const;
  const group = { kind: "group", projectMqtt: "p" } as const;
  const KNOWN: [string, string, Address][] = [
    [
      "1/p/u/d/event",
      "an event that a workflow processed",
      { kind: "event", projectMqtt: "p", userMqtt: "u", deviceId: "d", broadcast: false },
    ],
    [
      "1/p/u/d/update/filter",
      "an update to a device",
      { ...update, deviceId: "d", updateType: "filter", broadcast: false },
    ],
    [
      "1/p/u/_all/update/filter",
      "an update to all devices of a user",
      { ...update, deviceId: "_all", updateType: "filter", broadcast: true },
    ],
    [
      "1/p/u/_all/event",
      "an event to all devices of a user",
      { kind: "event", projectMqtt: "p", userMqtt: "u", deviceId: "_all", broadcast: true },
    ],
    [
      "2/p/g/model",
      "to a group",
      { ...group, groupId: "g", updateType: "model", broadcast: false },
    ],
    [
      "2/p/_all/model",
      "to every group",
      { ...group, groupId: "_all", updateType: "model", broadcast: true },
    ],
    [
      "1/p/u/d/update/a/b/c",
      "an update whose type has levels",
      { ...update, deviceId: "d", updateType: "a/b/c", broadcast: false },
    ],
    [
      "2/p/g/a/b/c",
      "to a group, its type with levels",
      { ...group, groupId: "g", updateType: "a/b/c", broadcast: false },
    ],
    [
      "1/p/u/d/update/event",
      "an update of type event",
      { ...update, deviceId: "d", updateType: "event", broadcast: false },
    ],
    [
      "2/p/g/update/a",
      "to a group, its type beginning with update",
      { ...group, groupId: "g", updateType: "update/a", broadcast: false },
    ],
    [
      "2/p/g//a",
      "to a group, its type with an empty level",
      { ...group, groupId: "g", updateType: "/a", broadcast: false },
    ],
    [
      "2/p/g/a/",
      "to a group, its type ending in an empty level",
      { ...group, groupId: "g", updateType: "a/", broadcast: false },
    ],
    [
      "1/p/u/d/update//a",
      "an update whose type has an empty level",
      { ...update, deviceId: "d", updateType: "/a", broadcast: false },
    ],
  ];
  for (const [topic, what, address] of KNOWN) {
    it(`${topic} is ${what}`, () => {
      assert.deepEqual(parseAddress(topic), address);
      assert.equal(addressTopic(address), topic);
    });
  }

  const UNKNOWN = [
    "",
    "/",
    "1",
    "1/p/u/d",
    "1/p/u/d/",
    "1/p/u//event",
    "1/p//d/event",
    "1//u/d/event",
    "1/p/u/d/event/",
    "1/p/u/d/event/x",
    "1/p/u/d/update",
    "1/p/u/d/update/",
    "1/p/u/d/Event",
    "1/p/u/d/other/x",
    "2/p/g",
    "2/p/g/",
    "2/p//x",
    "2//g/x",
    "0/p/u/d",
    "3/p/u/d/event",
    "/1/p/u/d/event",
    "$SYS/broker/uptime",
  ];
  for (const topic of UNKNOWN) {
    it(`${JSON.stringify(topic)} is none`, () => assert.equal(parseAddress(topic), undefined));
  }

  const devices = fc.oneof(level, fc.constant("_all"));
  const addresses: fc.Arbitrary<Address> = fc.oneof(
    fc
      .record({
        kind: fc.constant("event" as const),
        projectMqtt: level,
        userMqtt: level,
        deviceId: devices,
      })
      .map((address) => ({ ...address, broadcast: address.deviceId === "_all" })),
    fc
      .record({
        kind: fc.constant("update" as const),
        projectMqtt: level,
        userMqtt: level,
        deviceId: devices,
        updateType: updateTypes,
      })
      .map((address) => ({ ...address, broadcast: address.deviceId === "_all" })),
    fc
      .record({
        kind: fc.constant("group" as const),
        projectMqtt: level,
        groupId: devices,
        updateType: updateTypes,
      })
      .map((address) => ({ ...address, broadcast: address.groupId === "_all" })),
  );

  it("is parsed into what its topic was built of", () => {
    fc.assert(
      fc.property(addresses, (address) => {
        assert.deepEqual(parseAddress(addressTopic(address)), address);
      }),
    );
  });

  it("of any topic at all is found or not, without an error, and nothing of it is lost", () => {
    fc.assert(
      fc.property(nearTopics, (topic) => {
        const address = parseAddress(topic);
        if (address) assert.equal(addressTopic(address), topic);
      }),
    );
  });
});

describe("filter", () => {
  const FILTERS: [string, string, string][] = [
    ["one device", deviceFilter(who, "d"), "1/p/u/d/#"],
    ["all devices at once", deviceFilter(who, "_all"), "1/p/u/_all/#"],
    ["any device", anyDeviceFilter(who), "1/p/u/#"],
    ["one group", groupFilter(who, "g"), "2/p/g/#"],
    ["every group", groupFilter(who, "_all"), "2/p/_all/#"],
  ];
  for (const [what, filter, expected] of FILTERS) {
    it(`for ${what} is ${expected}`, () => assert.equal(filter, expected));
    it(`for ${what} is one that Medium One grants`, () =>
      assert.equal(maySubscribe(who, filter), true));
  }

  const GRANTED = ["1/p/u/d/update/#", "1/p/u/+/event", "2/p/#", "2/p/+/model", "2/p/g/model"];
  for (const filter of GRANTED) {
    it(`${filter} is granted`, () => assert.equal(maySubscribe(who, filter), true));
  }

  const DENIED = [
    "#",
    "+/p/u/#",
    "1/#",
    "1/p/#",
    "1/p/+/d/#",
    "1/p/other/d/#",
    "1/p/uu/#",
    "1/other/u/#",
    "2/#",
    "2/+/g/#",
    "2/other/g/#",
    "2/pp/g/#",
    "0/p/u/d",
    "0/p/u/#",
    "$SYS/#",
    "$share/s/1/p/u/#",
    "",
  ];
  for (const filter of DENIED) {
    it(`${JSON.stringify(filter)} is not`, () => assert.equal(maySubscribe(who, filter), false));
  }
});
