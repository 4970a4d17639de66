// Promises of the URL of a connection.
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BrokerUrl,
  formatBrokerUrl,
  isEncrypted,
  isLoopback,
  parseBrokerUrl,
  parseFallbackUrls,
} from "../../nodes/protocol/broker-url";
import type { ErrorCode, ErrorDetails } from "../../nodes/protocol/errors";
import { anyText } from "./arbitraries";
import { failure, refuses } from "./failure";

describe("broker URL", () => {
  const PARSED: [string, BrokerUrl, string][] = [
    [
      "mqtts://mqtt.mediumone.com:61620",
      { scheme: "mqtts", host: "mqtt.mediumone.com", port: 61_620, path: "" },
      "mqtts://mqtt.mediumone.com:61620",
    ],
    [
      "mqtt://localhost:61619",
      { scheme: "mqtt", host: "localhost", port: 61_619, path: "" },
      "mqtt://localhost:61619",
    ],
    ["mqtts://h", { scheme: "mqtts", host: "h", port: 61_620, path: "" }, "mqtts://h:61620"],
    ["mqtt://h", { scheme: "mqtt", host: "h", port: 61_619, path: "" }, "mqtt://h:61619"],
    ["ws://h", { scheme: "ws", host: "h", port: 80, path: "" }, "ws://h:80"],
    ["wss://h", { scheme: "wss", host: "h", port: 443, path: "" }, "wss://h:443"],
    [
      "wss://h:8443/mqtt",
      { scheme: "wss", host: "h", port: 8443, path: "/mqtt" },
      "wss://h:8443/mqtt",
    ],
    ["ws://h/a/b", { scheme: "ws", host: "h", port: 80, path: "/a/b" }, "ws://h:80/a/b"],
    ["mqtt://h/", { scheme: "mqtt", host: "h", port: 61_619, path: "" }, "mqtt://h:61619"],
    ["MQTTS://Host:1", { scheme: "mqtts", host: "Host", port: 1, path: "" }, "mqtts://Host:1"],
    ["  mqtt://h:65535\n", { scheme: "mqtt", host: "h", port: 65_535, path: "" }, "mqtt://h:65535"],
    [
      "mqtt://[::1]:1883",
      { scheme: "mqtt", host: "::1", port: 1883, path: "" },
      "mqtt://[::1]:1883",
    ],
    [
      "mqtt://[fe80::A]",
      { scheme: "mqtt", host: "fe80::A", port: 61_619, path: "" },
      "mqtt://[fe80::A]:61619",
    ],
    [
      "mqtt://127.0.0.1:1883",
      { scheme: "mqtt", host: "127.0.0.1", port: 1883, path: "" },
      "mqtt://127.0.0.1:1883",
    ],
    [
      "mqtt://münchen.de",
      { scheme: "mqtt", host: "münchen.de", port: 61_619, path: "" },
      "mqtt://münchen.de:61619",
    ],
  ];
  for (const [text, url, full] of PARSED) {
    it(`${JSON.stringify(text)} is ${full} in full`, () => {
      assert.deepEqual(parseBrokerUrl(text), url);
      assert.equal(formatBrokerUrl(url), full);
    });
  }

  const REFUSED: [unknown, ErrorCode, ErrorDetails?][] = [
    ["", "URL_MISSING"],
    ["  ", "URL_MISSING"],
    [undefined, "URL_MISSING"],
    [null, "URL_MISSING"],
    [5, "URL_MISSING"],
    ["localhost", "URL_SYNTAX", { url: "localhost" }],
    ["localhost:1883", "URL_SYNTAX"],
    ["mqtt:localhost", "URL_SYNTAX"],
    ["mqtt:/localhost", "URL_SYNTAX"],
    ["://localhost", "URL_SYNTAX"],
    ["1mqtt://localhost", "URL_SYNTAX"],
    ["http://localhost", "URL_SCHEME", { scheme: "http" }],
    ["tcp://localhost", "URL_SCHEME", { scheme: "tcp" }],
    ["constructor://localhost", "URL_SCHEME", { scheme: "constructor" }],
    ["mqtt://", "URL_HOST"],
    ["mqtt:///path", "URL_HOST"],
    ["mqtt://:1883", "URL_HOST", { host: ":1883" }],
    ["mqtt://my host", "URL_HOST", { host: "my host" }],
    ["mqtt://h\u0000", "URL_HOST"],
    ["mqtt://h\u200b", "URL_HOST"],
    ["mqtt://[::1", "URL_HOST"],
    ["mqtt://::1", "URL_HOST", { host: "::1" }],
    ["mqtt://[]", "URL_HOST"],
    ["mqtt://[host]", "URL_HOST"],
    ["mqtt://h:", "URL_PORT", { port: "" }],
    ["mqtt://h:0", "URL_PORT", { port: "0" }],
    ["mqtt://h:65536", "URL_PORT", { port: "65536" }],
    ["mqtt://h:1e3", "URL_PORT"],
    ["mqtt://h:-1", "URL_PORT"],
    ["mqtt://h:1883:1", "URL_PORT"],
    ["mqtt://h:mqtt", "URL_PORT", { port: "mqtt" }],
    ["mqtt://h/mqtt", "URL_PATH", { part: "/mqtt" }],
    ["mqtt://h?a=b", "URL_PATH", { part: "?a=b" }],
    ["mqtts://h/#x", "URL_PATH", { part: "/#x" }],
    ["ws://h/mqtt?token=1", "URL_PATH"],
    ["wss://h#x", "URL_PATH"],
    ["mqtt://user:word@h", "URL_SECRET"],
    ["mqtt://user@h", "URL_SECRET"],
    ["mqtt://@h", "URL_SECRET"],
  ];
  for (const [text, code, details] of REFUSED) {
    it(`${JSON.stringify(text) ?? "undefined"} is refused as ${code}`, () => {
      refuses(() => parseBrokerUrl(text), code, details);
    });
  }

  it("is encrypted with mqtts and wss", () => {
    const encrypted = ["mqtt", "mqtts", "ws", "wss"].filter((scheme) =>
      isEncrypted(parseBrokerUrl(`${scheme}://h`)),
    );
    assert.deepEqual(encrypted, ["mqtts", "wss"]);
  });

  it("is on this computer by the names and addresses that only lead back to it", () => {
    const hosts = ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"];
    const others = ["mqtt.mediumone.com", "localhost.example", "127.0.0.1.example", "10.0.0.1"];
    const loopback = [...hosts, ...others].filter((host) =>
      isLoopback(parseBrokerUrl(`mqtt://${host}`)),
    );
    assert.deepEqual(loopback, hosts);
  });

  it("in full is itself when parsed again", () => {
    const urls = fc
      .record({
        scheme: fc.constantFrom("mqtt", "mqtts", "ws", "wss"),
        host: fc.oneof(
          fc.domain(),
          fc.ipV4(),
          fc.ipV6().map((ip) => `[${ip}]`),
        ),
        port: fc.integer({ min: 1, max: 65_535 }),
      })
      .map(({ scheme, host, port }) => `${scheme}://${host}:${port}`);
    fc.assert(
      fc.property(urls, (text) => assert.equal(formatBrokerUrl(parseBrokerUrl(text)), text)),
    );
  });

  describe("never shows a secret in an error", () => {
    const SECRETS = [
      "mqtts://p/u:HIDDEN/HIDDEN@mqtt.mediumone.com:61620",
      "mqtts://user:HIDDEN/x@h",
      "mqtts://user:123/HIDDEN@h",
      "mqtts://HIDDEN@h:99999",
      "mqtts://user:HIDDEN@h/path?query",
      "user:HIDDEN/HIDDEN@h",
      "mqtts:/user:HIDDEN@h",
      "mqtts//user:HIDDEN/HIDDEN@HIDDEN@h",
      "user:HIDDEN\n@h",
      "ws://user/x:HIDDEN?HIDDEN@h",
      "ws://user#HIDDEN@h",
      "http://user:HIDDEN@h",
    ];
    for (const text of SECRETS) {
      it(`of ${JSON.stringify(text)}`, () => {
        const error = failure(() => parseBrokerUrl(text));
        const everything = [error.message, error.stack, JSON.stringify(error.details)].join("\n");
        assert.ok(!everything.includes("HIDDEN"), error.message);
      });
    }

    it("of any user, password and host", () => {
      const secrets = anyText.map((text) => `HIDDEN${text}HIDDEN`);
      const schemes = fc.constantFrom("mqtt://", "mqtts://", "ws://", "mqtt:/", "mqtt:", "");
      fc.assert(
        fc.property(schemes, secrets, secrets, anyText, (scheme, user, word, host) => {
          const error = failure(() => parseBrokerUrl(`${scheme}${user}:${word}@${host}`));
          assert.ok(!error.message.includes("HIDDEN"), error.message);
        }),
      );
    });
  });

  it("of any text is a URL or an M1Error", () => {
    const pieces = fc
      .array(
        fc.oneof(
          fc.constantFrom("mqtt", "ws", "://", ":", "/", "[", "]", "@", "?", "h", "1"),
          anyText,
        ),
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        fc.oneof(
          pieces,
          pieces.map((text) => `ws://${text}`),
          anyText,
        ),
        (text) => {
          let url: BrokerUrl;
          try {
            url = parseBrokerUrl(text);
          } catch {
            failure(() => parseBrokerUrl(text));
            return;
          }
          assert.notEqual(url.host, "");
          assert.ok(url.port >= 1 && url.port <= 65_535, String(url.port));
          assert.match(url.path, /^(\/|$)/);
          assert.deepEqual(parseBrokerUrl(formatBrokerUrl(url)), url);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("further addresses", () => {
  it("are URLs, each once; blank ones are none", () => {
    const urls = parseFallbackUrls([
      "mqtt://b",
      "",
      " ",
      null,
      undefined,
      "mqtts://c:1",
      " mqtt://b:61619 ",
    ]);
    assert.deepEqual(urls.map(formatBrokerUrl), ["mqtt://b:61619", "mqtts://c:1"]);
    assert.deepEqual(parseFallbackUrls([]), []);
  });

  for (const value of ["mqtt://b", {}, 5, null, true]) {
    it(`are a list, not ${JSON.stringify(value)}`, () => {
      assert.equal(failure(() => parseFallbackUrls(value)).code, "FALLBACK_URLS");
    });
  }

  for (const [entry, inner] of [
    ["http://b", /begins with http/],
    ["b:1883", /not of the form/],
    ["mqtt://b:0", /port 0/],
    ["mqtt://user:secret@b", /must not hold a user name/],
    ["mqtt://b/path", /ends in/],
    [42, /42 is not of the form/],
    [{}, /not of the form/],
  ] as const) {
    it(`name the one that is none, and why: ${JSON.stringify(entry)}`, () => {
      const { code, message } = failure(() => parseFallbackUrls(["mqtt://a", entry, "x"]));
      assert.equal(code, "FALLBACK_URL");
      assert.match(message, /^Further address 2: /);
      assert.match(message, inner);
      assert.doesNotMatch(message, /secret|__/);
    });
  }
});
