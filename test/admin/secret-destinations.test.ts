// Where secrets go without a question, given where the connection is deployed.
import assert from "node:assert/strict";
import type { CompletedForm } from "../../nodes/admin/form";
import { parseRestUrl } from "../../nodes/admin/rest-client";
import {
  brokerDestination,
  checkDestinations,
  restDestination,
} from "../../nodes/admin/secret-destinations";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import { M1Error } from "../../nodes/protocol/errors";

const CLOUD = "mqtts://mqtt.mediumone.com:61620";

/** What has to be confirmed; blank if nothing. */
function asked(deployed: string, place: string, form: Partial<CompletedForm> = {}): string {
  const completed: CompletedForm = {
    values: {},
    shown: {},
    borrowed: ["apiKey"],
    deployed: [parseBrokerUrl(deployed)],
    confirmed: undefined,
    ...form,
  };
  const destination = place.startsWith("http")
    ? restDestination(parseRestUrl(place))
    : brokerDestination(parseBrokerUrl(place));
  try {
    checkDestinations(completed, [destination]);
    return "";
  } catch (error) {
    if (!(error instanceof M1Error)) throw error;
    return String(error.details.addresses);
  }
}

describe("secrets of a connection", () => {
  const silent: [string, string][] = [
    [CLOUD, CLOUD],
    [CLOUD, "wss://MQTT.mediumone.com"],
    [CLOUD, "mqtts://mqtt2.mediumone.com"],
    [CLOUD, "https://api.mediumone.com/v2"],
    ["mqtts://broker.example", "https://broker.example:8443"],
    ["mqtt://broker.example", "mqtts://broker.example"],
    ["mqtt://broker.example", "mqtt://broker.example:1883"],
    ["mqtt://127.0.0.1:61619", "http://localhost:61680/v2"],
    ["mqtts://localhost", "mqtt://[::1]:1883"],
  ];
  for (const [deployed, place] of silent) {
    it(`that is deployed at ${deployed} go to ${place}`, () => {
      assert.equal(asked(deployed, place), "");
    });
  }

  const questions: [string, string, string][] = [
    [CLOUD, "mqtts://mediumone.com.example", "mqtts://mediumone.com.example:61620"],
    [CLOUD, "mqtts://notmediumone.com", "mqtts://notmediumone.com:61620"],
    [CLOUD, "mqtt://mqtt.mediumone.com:61619", "mqtt://mqtt.mediumone.com:61619"],
    [CLOUD, "http://127.0.0.1:61680", "http://127.0.0.1:61680"],
    [CLOUD, "wss://broker.example/path/of-a-variable", "wss://broker.example:443"],
    ["mqtts://broker.example", "https://api.mediumone.com", "https://api.mediumone.com"],
    ["mqtt://127.0.0.1:61619", CLOUD, CLOUD],
    ["mqtts://broker.example", "https://sub.broker.example", "https://sub.broker.example"],
  ];
  for (const [deployed, place, name] of questions) {
    it(`that is deployed at ${deployed} go to ${place} only when it is confirmed`, () => {
      assert.equal(asked(deployed, place), name);
      assert.equal(asked(deployed, place, { confirmed: name }), "");
      assert.equal(asked(deployed, place, { confirmed: true }), name);
      assert.equal(asked(deployed, place, { confirmed: `${name}.example` }), name);
      assert.equal(asked(deployed, place, { borrowed: [] }), "");
    });
  }

  it("that is deployed at several addresses go to each", () => {
    const deployed = [CLOUD, "mqtt://127.0.0.1:1"].map(parseBrokerUrl);
    assert.equal(asked(CLOUD, "http://127.0.0.1:2", { deployed }), "");
  });
});
