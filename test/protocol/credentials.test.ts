// Promises of username, password and client id (wire-contract: Authentication, Identifiers).
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  checkApiKey,
  checkClientId,
  checkUserPassword,
  LONGEST_CLIENT_ID,
  parsePassword,
  parseUsername,
  password,
  username,
} from "../../nodes/protocol/credentials";
import { anyText, level } from "./arbitraries";
import { failure, refuses } from "./failure";

const SECRET = "s3cr3t-that-must-not-show";

describe("username", () => {
  it("is project and user with a slash between", () => {
    assert.equal(username({ projectMqtt: "p", userMqtt: "u" }), "p/u");
  });

  it("is taken apart into what it was built of", () => {
    fc.assert(
      fc.property(level, level, (projectMqtt, userMqtt) => {
        assert.deepEqual(parseUsername(username({ projectMqtt, userMqtt })), {
          projectMqtt,
          userMqtt,
        });
      }),
    );
  });

  for (const text of [
    "",
    "p",
    "/",
    "p/",
    "/u",
    "p/u/",
    "p/u/v",
    "/p/u",
    "p/+",
    "#/u",
    "p/ü",
    "p\0/u",
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseUsername(text), undefined));
  }

  it("of any text is found or not, without an error, and nothing of it is lost", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const who = parseUsername(text);
        if (who) assert.equal(username(who), text);
      }),
    );
  });
});

describe("password", () => {
  const BUILT: [string, string, string][] = [
    ["key", "word", "key/word"],
    ["key", "wo/rd/", "key/wo/rd/"],
    ["key", "/", "key//"],
    [" key ", " word ", " key / word "],
    ["k€y", "wörd", "k€y/wörd"],
  ];
  for (const [apiKey, userPassword, expected] of BUILT) {
    it(`of ${JSON.stringify(apiKey)} and ${JSON.stringify(userPassword)} is ${JSON.stringify(expected)}`, () => {
      assert.equal(password(apiKey, userPassword), expected);
      assert.deepEqual(parsePassword(expected), { apiKey, userPassword });
    });
  }

  it("is taken apart at the first slash into what it was built of", () => {
    const keys = anyText.filter((text) => text !== "" && !text.includes("/"));
    const words = anyText.filter((text) => text !== "");
    fc.assert(
      fc.property(keys, words, (apiKey, userPassword) => {
        assert.deepEqual(parsePassword(password(apiKey, userPassword)), { apiKey, userPassword });
      }),
    );
  });

  for (const text of ["", "key", "/", "/word", "//"]) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parsePassword(text), undefined));
  }

  it("may come from a client with an empty user password", () => {
    assert.deepEqual(parsePassword("key/"), { apiKey: "key", userPassword: "" });
  });

  const MISSING: unknown[] = ["", undefined, null, 5, {}, ["key"]];
  for (const value of MISSING) {
    it(`needs an API key, which ${JSON.stringify(value) ?? "undefined"} is not`, () => {
      refuses(() => password(value, SECRET), "CREDENTIAL_MISSING", { field: "apiKey" });
      refuses(() => checkApiKey(value), "CREDENTIAL_MISSING", { field: "apiKey" });
    });
    it(`needs a user password, which ${JSON.stringify(value) ?? "undefined"} is not`, () => {
      refuses(() => password("key", value), "CREDENTIAL_MISSING", { field: "userPassword" });
      refuses(() => checkUserPassword(value), "CREDENTIAL_MISSING", { field: "userPassword" });
    });
  }

  it("says in plain words which one is missing", () => {
    assert.equal(failure(() => checkApiKey("")).message, "The API key is missing");
    assert.equal(failure(() => checkUserPassword("")).message, "The user password is missing");
  });

  it("refuses an API key with a slash and says where, counted from 1", () => {
    refuses(() => checkApiKey("/key"), "API_KEY_SLASH", { position: 1 });
    refuses(() => checkApiKey("ab/c/d"), "API_KEY_SLASH", { position: 3 });
  });

  it("returns what it accepts unchanged", () => {
    assert.equal(checkApiKey(" k "), " k ");
    assert.equal(checkUserPassword("a/b"), "a/b");
  });

  it("never shows a secret in an error", () => {
    const attempts = [
      () => password(`${SECRET}/x`, "word"),
      () => password("", SECRET),
      () => password(SECRET, ""),
      () => password({ [SECRET]: SECRET }, SECRET),
      () => password([SECRET], SECRET),
      () => checkUserPassword([SECRET]),
    ];
    for (const attempt of attempts) {
      const error = failure(attempt);
      const everything = [error.message, error.stack, String(error), JSON.stringify(error.details)];
      assert.ok(!everything.join("\n").includes(SECRET), error.message);
    }
  });
});

describe("client id", () => {
  for (const clientId of ["a", "p/u", "node red #1", "~".repeat(LONGEST_CLIENT_ID)]) {
    it(`may be ${JSON.stringify(clientId)}`, () => assert.equal(checkClientId(clientId), clientId));
  }

  it("has at most 32 characters", () => {
    assert.equal(LONGEST_CLIENT_ID, 32);
    refuses(() => checkClientId("c".repeat(33)), "CLIENT_ID_TOO_LONG", { length: 33, limit: 32 });
    refuses(() => checkClientId("\u{1f600}".repeat(33)), "CLIENT_ID_TOO_LONG", { length: 33 });
  });

  it("is not empty", () => {
    refuses(() => checkClientId(""), "LEVEL_EMPTY", { field: "clientId" });
  });

  const CHARACTERS: [string, number][] = [
    ["ü", 1],
    ["ab\n", 3],
    ["a\x7fb", 2],
    ["\0", 1],
    ["\u{1f600}".repeat(17), 1],
    ["a\u{1f600}b\u{1f600}", 2],
  ];
  for (const [clientId, position] of CHARACTERS) {
    it(`is not ${JSON.stringify(clientId)}, for character ${position}`, () => {
      refuses(() => checkClientId(clientId), "CLIENT_ID_CHARACTER", { position });
    });
  }

  it("of any text is itself or refused", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const isValid = /^[ -~]{1,32}$/.test(text);
        if (isValid) assert.equal(checkClientId(text), text);
        else failure(() => checkClientId(text));
      }),
    );
  });
});
