// Which address comes next: the working one is kept, the others get one try each, then there is a pause.
import assert from "node:assert/strict";
import { BrokerAddresses, type NextStep } from "../../nodes/connection/broker-addresses";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import { type ErrorCode, M1Error } from "../../nodes/protocol/errors";

const [A, B, C] = ["mqtt://a:1", "mqtts://b:2", "ws://c:3"].map(parseBrokerUrl) as [
  ReturnType<typeof parseBrokerUrl>,
  ReturnType<typeof parseBrokerUrl>,
  ReturnType<typeof parseBrokerUrl>,
];

/** What a step leads to, and which address is next. */
function fails(addresses: BrokerAddresses, code: ErrorCode = "REFUSED"): string {
  const step: NextStep = addresses.failed(new M1Error(code));
  const pause =
    step.name === "pause" ? ` ${step.failure.code}${step.refused ? " refused" : ""}` : "";
  return `${step.name}${pause} → ${addresses.current.host}`;
}

describe("the addresses of a broker", () => {
  it("are one: each failure is followed by a pause", () => {
    const addresses = new BrokerAddresses([A]);
    assert.equal(fails(addresses), "pause REFUSED → a");
    addresses.accepted();
    addresses.held();
    assert.equal(fails(addresses), "pause REFUSED → a");
    assert.equal(fails(addresses, "NOT_AUTHORISED"), "pause NOT_AUTHORISED refused → a");
    assert.equal(addresses.currentName, undefined, "there is nothing to tell apart");
  });

  it("are tried in turn without a pause, which comes when none has worked", () => {
    const addresses = new BrokerAddresses([A, B, C]);
    const round = ["next → b", "next → c", "pause TIMED_OUT → a"];
    for (let time = 0; time < 2; time += 1) {
      const steps = [fails(addresses), fails(addresses), fails(addresses, "TIMED_OUT")];
      assert.deepEqual(steps, round);
    }
  });

  it("keep the one that held: after its loss it is called once more before the next", () => {
    const addresses = new BrokerAddresses([A, B, C]);
    fails(addresses);
    addresses.accepted();
    addresses.held();
    assert.equal(addresses.currentName, "b:2");
    assert.equal(fails(addresses, "CONNECTION_LOST"), "pause CONNECTION_LOST → b");
    assert.equal(fails(addresses), "next → c");
    assert.equal(fails(addresses), "next → a");
    assert.equal(fails(addresses), "pause REFUSED → b");
  });

  it("leave one that accepts a connection and does not hold it", () => {
    const addresses = new BrokerAddresses([A, B]);
    addresses.accepted();
    assert.equal(fails(addresses, "CONNECTION_CLOSED"), "next → b");
  });

  it("show a refusal that a person can mend rather than what the last one did", () => {
    const addresses = new BrokerAddresses([A, B, C]);
    fails(addresses, "NOT_AUTHORISED");
    fails(addresses, "TIMED_OUT");
    assert.equal(fails(addresses, "HOST_NOT_FOUND"), "pause NOT_AUTHORISED refused → a");
  });

  it("know when the session may be another than before", () => {
    const addresses = new BrokerAddresses([A, B]);
    assert.deepEqual([addresses.hasAccepted, addresses.hasChanged], [false, false]);
    addresses.accepted();
    assert.deepEqual([addresses.hasAccepted, addresses.hasChanged], [true, false]);
    fails(addresses);
    assert.deepEqual([addresses.hasAccepted, addresses.hasChanged], [false, true]);
    addresses.accepted();
    assert.deepEqual([addresses.hasAccepted, addresses.hasChanged], [true, false]);
  });
});
