// The rule that is shown with a refusal (sandbox/cloud/refusal-rules.ts).
import { strict as assert } from "node:assert";
import { ruleBehind } from "../../../sandbox/cloud/refusal-rules";
import type { RefusalCode } from "../../../sandbox/sandbox";

describe("sandbox: rules behind refusals", () => {
  const rules: [words: RegExp, page: RegExp, ...codes: RefusalCode[]][] = [
    [
      /logs in as/,
      /Introduction$/,
      "USERNAME_FORM",
      "USERNAME_HOLDS_KEY",
      "PASSWORD_MISSING",
      "API_KEY_WRONG",
      "USER_UNKNOWN",
    ],
    [/32 characters/, /Introduction$/, "CLIENT_ID_TOO_LONG", "CLIENT_ID_CHARACTER"],
    [/clean session/, /oasis-open/, "CLIENT_ID_EMPTY"],
    [/unique/, /Introduction$/, "CLIENT_ID_TAKEN"],
    [/MQTT 3\.1\.1/, /oasis-open/, "PROTOCOL_VERSION", "PACKET", "SUBPROTOCOL"],
    [/binary messages/, /oasis-open/, "WEBSOCKET"],
    [/sends its events to/, /Topics$/, "TOPIC_NOT_EVENT", "TOPIC_FOREIGN"],
    [/groups of its project/, /Introduction$/, "FILTER_FOREIGN"],
    [/are ASCII/, /Introduction$/, "LEVEL_CHARACTER", "LEVEL_RESERVED"],
    [/1,024/, /safety-and-bounds$/, "NAME_TOO_LONG", "NAME_TOO_DEEP"],
    [/200 levels/, /safety-and-bounds$/, "DATA_TOO_DEEP"],
    [/65,536/, /Streams-and-Tags$/, "EVENT_TOO_LONG"],
    [/microsecond/, /Introduction$/, "TIME_NOT_MICROSECONDS", "TIME_NO_ZONE"],
    [/is a JSON object/, /Topics$/, "DATA_NOT_JSON", "ENVELOPE_KEY"],
    [
      /log in with login_id/,
      /Authentication$/,
      "LOGIN_ID_UNKNOWN",
      "LOGIN_KEY_WRONG",
      "SESSION_MISSING",
    ],
    [/create users/, /CRUD-Basic-Users$/, "ROLE", "USER_EXISTS", "USER_FOREIGN"],
    [/one JSON document a line/, /CRUD-Events$/, "LINE", "QUERY", "LOGIN_ID_NEEDED"],
    [/10 MB at the most/, /CRUD-Events$/, "BODY_TOO_LONG"],
  ];
  for (const [words, page, ...codes] of rules) {
    it(`${codes.join(", ")}: ${words.source}`, () => {
      for (const code of codes) {
        const { rule, source } = ruleBehind(code);
        assert.match(rule, words, code);
        assert.match(source ?? "", page, code);
      }
    });
  }

  for (const [call, words, page] of [
    ["POST /v2/login", /log in with login_id/, /Authentication$/],
    ["POST /v2/login/", /log in with login_id/, /Authentication$/],
    ["POST /v2/users", /create users/, /CRUD-Basic-Users$/],
    ["POST /console/send", /sandbox's own/, /^$/],
  ] as const) {
    it(`are those of the call where its body is none: ${call}`, () => {
      for (const code of ["BODY_NOT_JSON", "FIELD_MISSING"] as const) {
        const { rule, source = "" } = ruleBehind(code, call);
        assert.match(rule, words, code);
        assert.match(source, page, code);
      }
      assert.match(ruleBehind("METHOD", call).rule, /sandbox's own/);
    });
  }

  it("are the sandbox's own where nobody else has written one", () => {
    for (const code of [
      "EVENT_RETAINED",
      "WEATHER",
      "TLS",
      "DISK_FAILED",
      "HOST_FOREIGN",
      "FORM_TOO_LONG",
    ] as const) {
      const { rule, source } = ruleBehind(code);
      assert.match(rule, /sandbox/i);
      assert.equal(source, undefined);
    }
  });
});
