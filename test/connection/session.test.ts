// What one connection hands to the next of the same MQTT session, and to no other.
import { strict as assert } from "node:assert";
import { claimSession, leaveSession, newSession } from "../../nodes/connection/session";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import { closeConnections, connectionTo } from "../support/connections";

const server = { url: "mqtt://127.0.0.1:1" };
const session = { brokers: [parseBrokerUrl(server.url)], clientId: "c" } as const;

afterEach(closeConnections);

describe("a session", () => {
  it("is handed to the next connection of the same one, once", () => {
    const connection = connectionTo(server, { settings: { clientId: "c" } });
    leaveSession("config", connection.settings, connection.session);
    assert.equal(claimSession("config", session), connection.session);
    assert.equal(claimSession("config", session), undefined);
  });

  for (const [what, other] of [
    ["another client", { ...session, clientId: "d" }],
    ["another broker", { ...session, brokers: [parseBrokerUrl("mqtt://127.0.0.1:2")] }],
  ] as const) {
    it(`is not handed to ${what}, where the same numbers mean other messages`, () => {
      leaveSession("config", session, newSession());
      assert.equal(claimSession("config", other), undefined);
    });
  }
});
