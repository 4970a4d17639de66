// How what listens at every address is reached (sandbox/command/reachable.ts).
import { strict as assert } from "node:assert";
import type { NetworkInterfaceInfo } from "node:os";
import { elsewhere, ownNames } from "../../../sandbox/command/reachable";

function interfaceWith(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  return { address, family, internal } as NetworkInterfaceInfo;
}

describe("sandbox: from elsewhere", () => {
  const interfaces = {
    lo: [interfaceWith("127.0.0.1", true), interfaceWith("::1", true)],
    eth0: [interfaceWith("192.168.0.7"), interfaceWith("fd00::7"), interfaceWith("fe80::7")],
    wlan0: [interfaceWith("10.0.0.7")],
  };

  const cases: [url: string, ...found: string[]][] = [
    ["http://127.0.0.1:1"],
    ["http://192.168.0.7:1"],
    ["http://0.0.0.0:1", "http://192.168.0.7:1", "http://10.0.0.7:1"],
    ["mqtt://[::]:1", "mqtt://192.168.0.7:1", "mqtt://[fd00::7]:1", "mqtt://10.0.0.7:1"],
  ];
  for (const [url, ...found] of cases) {
    it(`${url} is ${found.join(", ") || "nothing else"}`, () => {
      assert.deepEqual(elsewhere(url, interfaces), found);
    });
  }

  it("this computer has its name, with and without its domain", () => {
    assert.deepEqual(ownNames("raspberrypi"), ["raspberrypi", "raspberrypi.local"]);
    assert.deepEqual(ownNames("pi.example.com"), ["pi.example.com", "pi", "pi.local"]);
  });
});
