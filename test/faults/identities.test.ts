// Two Node-RED processes that use one client id: a real broker lets only one of them in at a time.
import assert from "node:assert/strict";
import { connectionTo, eventOut } from "../support/flows";
import { type Installation, installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { DEMO_BROKER } from "../support/observer";
import { prints } from "../support/printed";

const CLASH = "Another client uses the client ID shared-by-two, too";

/** An event each five milliseconds. */
const EVENTS = {
  ...{ id: "events", type: "inject", z: "tab", x: 0, y: 0, wires: [["out"]] },
  ...{ props: [{ p: "payload" }], repeat: "0.005", crontab: "", once: true, onceDelay: 0.1 },
  ...{ topic: "", payload: "1", payloadType: "num" },
};

describe("one client id on two Node-REDs", function () {
  this.timeout(75_000);

  for (const { protocolVersion, sends } of [
    { protocolVersion: "4", sends: false },
    { protocolVersion: "5", sends: false },
    { protocolVersion: "4", sends: true },
  ]) {
    const name = protocolVersion === "4" ? "MQTT 3.1.1" : "MQTT 5";
    const traffic = sends ? "while both send" : "while nothing is sent";

    it(`is recognised and named on both within a minute, once, ${traffic} (${name})`, async () => {
      const places: Installation[] = [];
      const nodeReds: NodeRed[] = [];
      const broker = await Mosquitto.start(DEMO_BROKER);
      try {
        const config = connectionTo(broker, { clientId: "shared-by-two", protocolVersion });
        const tab = { id: "tab", type: "tab", label: "" };
        const out = { ...eventOut(), z: "tab", x: 0, y: 0, wires: [] };
        const flow = sends ? [tab, config, out, EVENTS] : [tab, config, out];
        for (let count = 0; count < 2; count += 1) places.push(await installation(flow));
        nodeReds.push(...(await Promise.all(places.map(({ userDir }) => NodeRed.start(userDir)))));
        const begun = Date.now();
        await Promise.all(nodeReds.map((nodeRed) => prints(nodeRed, CLASH)));
        const took = Date.now() - begun;
        assert.ok(took < 60_000, `took ${took} ms`);
        for (const { output } of nodeReds) assert.equal(output.split(CLASH).length - 1, 1, output);
      } finally {
        await Promise.all(nodeReds.map((nodeRed) => nodeRed.stop()));
        await broker.stop();
        for (const place of places) await place.remove();
      }
    });
  }
});
