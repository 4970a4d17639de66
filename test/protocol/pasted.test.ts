// What is filled in when someone pastes more into a field than belongs there.
import assert from "node:assert/strict";
import type { FieldName } from "../../nodes/protocol/errors";
import { type PastedFields, pastedValue, readPasted } from "../../nodes/protocol/pasted";

const USER = { projectMqtt: "proj", userMqtt: "user" };

describe("a pasted text", () => {
  const known: [string, FieldName, PastedFields][] = [
    ["proj/user", "projectMqtt", USER],
    ["proj/user", "userMqtt", USER],
    [" proj/user\n", "userMqtt", USER],
    ['"proj/user"\r\n', "userMqtt", USER],
    ["0/proj/user/pump 3", "projectMqtt", { ...USER, deviceId: "pump 3" }],
    ["0/proj/user/", "userMqtt", USER],
    ["0/proj/user", "userMqtt", USER],
    ["0/proj/user/pump/", "deviceId", { ...USER, deviceId: "pump" }],
    ["1/proj/user/pump/event", "deviceId", { ...USER, deviceId: "pump", receive: "event" }],
    [
      "1/proj/user/pump/update/filter",
      "deviceId",
      { ...USER, deviceId: "pump", receive: "update", updateType: "filter" },
    ],
    [
      "1/proj/user/pump/update/filter/v2",
      "updateType",
      { ...USER, deviceId: "pump", receive: "update", updateType: "filter/v2" },
    ],
    ["1/proj/user/pump/#", "deviceId", { ...USER, deviceId: "pump" }],
    ["1/proj/user/pump/update/#", "deviceId", { ...USER, deviceId: "pump", receive: "update" }],
    ["1/proj/user/_all/#", "userMqtt", USER],
    ["1/proj/user/+/event", "deviceId", { ...USER, receive: "event" }],
    ["1/proj/user/#", "userMqtt", USER],
    ["2/proj/north/#", "groupId", { projectMqtt: "proj", groupId: "north" }],
    [
      "2/proj/north/filter/v2",
      "groupId",
      { projectMqtt: "proj", groupId: "north", updateType: "filter/v2" },
    ],
    ["2/proj/_all/#", "projectMqtt", { projectMqtt: "proj" }],
    ["KEY/pass/word", "apiKey", { apiKey: "KEY", userPassword: "pass/word" }],
    ["KEY/password", "userPassword", { apiKey: "KEY", userPassword: "password" }],
  ];
  for (const [text, into, fields] of known) {
    it(`${JSON.stringify(text)} in ${into} fills ${Object.keys(fields).join(", ")}`, () => {
      assert.deepEqual({ ...readPasted(text, into) }, fields);
    });
  }

  const plain: [string, FieldName][] = [
    ["", "userMqtt"],
    ["user", "userMqtt"],
    ["a/b/c", "userMqtt"],
    ["/user", "userMqtt"],
    ["proj/", "userMqtt"],
    ["0/pröj/user/pump", "userMqtt"],
    ["1/proj/us+er/pump/event", "userMqtt"],
    ["3/proj/user/pump", "deviceId"],
    ["pump", "deviceId"],
    ["KEY", "apiKey"],
    ["KEY/", "apiKey"],
    ["/password", "userPassword"],
    ["password", "userPassword"],
  ];
  for (const [text, into] of plain) {
    it(`${JSON.stringify(text)} in ${into} is left as it is`, () => {
      assert.equal(readPasted(text, into), undefined);
    });
  }

  it("with a slash is a user password, unless the API key before it is the known one", () => {
    assert.equal(readPasted("pass/word", "userPassword", "KEY"), undefined);
    assert.deepEqual(readPasted("KEY/pass/word", "userPassword", "KEY"), {
      apiKey: "KEY",
      userPassword: "pass/word",
    });
  });
});

describe("a pasted value", () => {
  const values: [string, string][] = [
    ["pump", "pump"],
    [" pump ", "pump"],
    ["\tpump\r\n", "pump"],
    ["\u00a0pump\ufeff", "pump"],
    ["pump 3", "pump 3"],
    ["first\nsecond", "first\nsecond"],
    ['"pump"', "pump"],
    [" 'pump'\n", "pump"],
    ["`pump`", "pump"],
    ["“pump”", "pump"],
    ["„pump“", "pump"],
    ["«pump»", "pump"],
    ['"it\'s"', "it's"],
    ['" secret "', " secret "],
  ];
  for (const [text, value] of values) {
    it(`${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => {
      assert.equal(pastedValue(text), value);
    });
  }

  const kept = ['"', '""', '"pump', "pump'", `"pump'`, '"a" and "b"', "'it's'", "“pump“"];
  for (const text of kept) {
    it(`${JSON.stringify(text)} keeps its quotes`, () => assert.equal(pastedValue(text), text));
  }
});
