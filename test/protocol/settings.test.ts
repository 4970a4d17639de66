// Promises of the settings that dialogs store as text.
import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import type { ErrorCode, ErrorDetails } from "../../nodes/protocol/errors";
import {
  complete,
  datatype,
  keepalive,
  outboxFull,
  outboxKind,
  outboxLimit,
  outboxMaxAge,
  outboxMegabytes,
  outboxSync,
  protocolVersion,
  qos,
  receive,
  sendRate,
  updateType,
} from "../../nodes/protocol/settings";
import { anything, updateTypes } from "./arbitraries";
import { isAccepted, refuses } from "./failure";

const SETTINGS = {
  qos,
  protocolVersion,
  outboxKind,
  complete,
  outboxFull,
  outboxMegabytes,
  outboxSync,
  sendRate,
  receive,
  datatype,
  keepalive,
  outboxLimit,
  outboxMaxAge,
  updateType,
};
type Setting = keyof typeof SETTINGS;

describe("setting", () => {
  const ACCEPTED: [Setting, unknown, unknown][] = [
    ["qos", "0", 0],
    ["qos", "1", 1],
    ["qos", "2", 2],
    ["qos", 2, 2],
    ["protocolVersion", "4", 4],
    ["protocolVersion", "5", 5],
    ["protocolVersion", 5, 5],
    ["outboxKind", "disk", "disk"],
    ["outboxKind", "memory", "memory"],
    ["outboxFull", "reject", "reject"],
    ["outboxFull", "drop-oldest", "drop-oldest"],
    ["complete", "delivered", "delivered"],
    ["complete", "stored", "stored"],
    ["outboxMegabytes", "500", 500_000_000],
    ["outboxMegabytes", 0.5, 500_000],
    ["outboxMegabytes", " 1e6 ", 1e12],
    ["sendRate", "", Number.POSITIVE_INFINITY],
    ["sendRate", undefined, Number.POSITIVE_INFINITY],
    ["sendRate", "20", 20],
    ["sendRate", "0.1", 0.1],
    ["sendRate", 1e9, 1e9],
    ["outboxSync", "second", "second"],
    ["outboxSync", "always", "always"],
    ["outboxSync", "never", "never"],
    ["receive", "all", "all"],
    ["receive", "event", "event"],
    ["receive", "update", "update"],
    ["datatype", "auto-detect", "auto-detect"],
    ["datatype", "json", "json"],
    ["datatype", "utf8", "utf8"],
    ["datatype", "buffer", "buffer"],
    ["datatype", "base64", "base64"],
    ["keepalive", "60", 60],
    ["keepalive", 60, 60],
    ["keepalive", " 60 ", 60],
    ["keepalive", "0", 0],
    ["keepalive", "65535", 65_535],
    ["outboxLimit", "1", 1],
    ["outboxLimit", "100000", 100_000],
    ["outboxLimit", "100000000", 100_000_000],
    ["outboxMaxAge", "", Number.POSITIVE_INFINITY],
    ["outboxMaxAge", undefined, Number.POSITIVE_INFINITY],
    ["outboxMaxAge", null, Number.POSITIVE_INFINITY],
    ["outboxMaxAge", "1", 3_600_000],
    ["outboxMaxAge", "0.5", 1_800_000],
    ["outboxMaxAge", 24, 86_400_000],
    ["updateType", "", ""],
    ["updateType", undefined, ""],
    ["updateType", null, ""],
    ["updateType", "filter", "filter"],
    ["updateType", "models/v2/a b", "models/v2/a b"],
    ["updateType", "größe", "größe"],
  ];
  for (const [setting, value, expected] of ACCEPTED) {
    it(`${setting} ${inspect(value)} is ${String(expected) || "blank"}`, () => {
      assert.equal(SETTINGS[setting](value), expected);
    });
  }

  const REFUSED: [Setting, unknown, ErrorCode, ErrorDetails][] = [
    ["qos", "3", "SETTING_CHOICE", { field: "qos", value: "3", choices: "0, 1, 2" }],
    ["qos", "", "SETTING_CHOICE", { field: "qos", kind: "empty" }],
    ["qos", undefined, "SETTING_CHOICE", { value: "undefined" }],
    ["qos", ["1"], "SETTING_CHOICE", { kind: "array" }],
    ["qos", Object.create(null), "SETTING_CHOICE", { kind: "object" }],
    ["protocolVersion", "3", "SETTING_CHOICE", { field: "protocolVersion", choices: "4, 5" }],
    ["outboxKind", "Disk", "SETTING_CHOICE", { field: "outbox", choices: "disk, memory" }],
    ["complete", "", "SETTING_CHOICE", { field: "complete" }],
    ["complete", "sent", "SETTING_CHOICE", { field: "complete" }],
    ...["0", "-1", "twenty", "1e999", "NaN", " ", "20 /s", true, {}, ["1"]].flatMap((value) =>
      ["outboxMegabytes" as const, "sendRate" as const].map(
        (field): [Setting, unknown, ErrorCode, ErrorDetails] => [
          field,
          value,
          "SETTING_NUMBER",
          { field },
        ],
      ),
    ),
    ["outboxMegabytes", "", "SETTING_NUMBER", { field: "outboxMegabytes" }],
    ["outboxSync", "", "SETTING_CHOICE", { field: "outboxSync" }],
    ["outboxSync", "Second", "SETTING_CHOICE", { field: "outboxSync" }],
    ["outboxSync", 1, "SETTING_CHOICE", { field: "outboxSync" }],
    ["outboxFull", true, "SETTING_CHOICE", { field: "outboxFull" }],
    ["receive", "group", "SETTING_CHOICE", { field: "receive" }],
    ["datatype", "auto", "SETTING_CHOICE", { field: "datatype", value: "auto" }],
    ["keepalive", "", "SETTING_RANGE", { field: "keepalive", least: 0, most: 65_535 }],
    ["keepalive", "65536", "SETTING_RANGE", { value: "65536" }],
    ["keepalive", "-1", "SETTING_RANGE", { value: "-1" }],
    ["keepalive", "1.5", "SETTING_RANGE", { value: "1.5" }],
    ["keepalive", "1e3", "SETTING_RANGE", { value: "1e3" }],
    ["keepalive", "0x10", "SETTING_RANGE", { value: "0x10" }],
    ["keepalive", "sixty", "SETTING_RANGE", { value: "sixty" }],
    ["keepalive", null, "SETTING_RANGE", { value: "null" }],
    ["keepalive", [60], "SETTING_RANGE", { kind: "array" }],
    ["outboxLimit", "0", "SETTING_RANGE", { field: "outboxLimit", least: 1, most: 100_000_000 }],
    ["outboxLimit", "100000001", "SETTING_RANGE", { value: "100000001" }],
    ["outboxLimit", "9".repeat(400), "SETTING_RANGE", {}],
    ["outboxMaxAge", "0", "SETTING_NUMBER", { field: "outboxMaxAge", value: "0" }],
    ["outboxMaxAge", "-1", "SETTING_NUMBER", { value: "-1" }],
    ["outboxMaxAge", " ", "SETTING_NUMBER", { value: " " }],
    ["outboxMaxAge", "a day", "SETTING_NUMBER", { value: "a day" }],
    ["outboxMaxAge", "Infinity", "SETTING_NUMBER", { value: "Infinity" }],
    ["outboxMaxAge", true, "SETTING_NUMBER", { value: "true" }],
    ["outboxMaxAge", [5], "SETTING_NUMBER", { kind: "array" }],
    ["outboxMaxAge", Symbol("s"), "SETTING_NUMBER", { value: "Symbol(s)" }],
    ["updateType", "a//b", "UPDATE_TYPE", { value: "a//b" }],
    ["updateType", "/a", "UPDATE_TYPE", {}],
    ["updateType", "a/", "UPDATE_TYPE", {}],
    ["updateType", "/", "UPDATE_TYPE", {}],
    ["updateType", "a+", "UPDATE_TYPE", {}],
    ["updateType", "#", "UPDATE_TYPE", {}],
    ["updateType", "a#/b", "UPDATE_TYPE", {}],
    ["updateType", "a/+/b", "UPDATE_TYPE", {}],
    ["updateType", "a/#", "UPDATE_TYPE", {}],
    ["updateType", "a\0", "UPDATE_TYPE", {}],
    ["updateType", 5, "UPDATE_TYPE", { value: "5" }],
    ["updateType", ["a"], "UPDATE_TYPE", { kind: "array" }],
  ];
  for (const [setting, value, code, details] of REFUSED) {
    const shown = inspect(value).slice(0, 40);
    it(`${setting} ${shown} is refused as ${code}`, () => {
      refuses(() => SETTINGS[setting](value), code, details);
    });
  }

  it("names its field in plain words", () => {
    const error = refuses(() => keepalive("x"), "SETTING_RANGE");
    assert.equal(error.message, "keep-alive: x is not a whole number from 0 to 65535");
  });

  it("updateType is any topic of valid levels", () => {
    fc.assert(fc.property(updateTypes, (type) => assert.equal(updateType(type), type)));
  });

  for (const [setting, read] of Object.entries(SETTINGS)) {
    it(`${setting} of anything is read or an M1Error`, () => {
      fc.assert(
        fc.property(anything, (value) => {
          isAccepted(() => read(value));
        }),
      );
    });
  }
});
