// Where packets begin and how long they are (sandbox/broker/frames.ts).
import { strict as assert } from "node:assert";
import { generate } from "mqtt-packet";
import { type Frame, Frames } from "../../../sandbox/broker/frames";
import { connectBytes } from "../clients";

describe("sandbox: frames", () => {
  const publish = (length: number) =>
    generate({
      ...{ cmd: "publish", topic: "t", qos: 0, dup: false, retain: false },
      payload: Buffer.alloc(length - 3),
    });
  const packets = [
    connectBytes(),
    generate({ cmd: "pingreq" }),
    ...[127, 128, 16_383, 16_384, 70_000].map(publish),
    generate({ cmd: "disconnect" }),
  ];
  const frames = [
    [1, connectBytes().length - 2],
    [12, 0],
    [3, 127],
    [3, 128],
    [3, 16_383],
    [3, 16_384],
    [3, 70_000],
    [14, 0],
  ];

  for (const size of [1, 2, 7, 65_536]) {
    it(`are told of each packet, in pieces of ${size}`, () => {
      const told: number[][] = [];
      const reader = new Frames(({ type, length }) => told.push([type, length]));
      const bytes = Buffer.concat(packets);
      for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
      assert.deepEqual(told, frames);
    });
  }

  it("are told before the packet is there", () => {
    const told: Frame[] = [];
    new Frames((frame) => told.push(frame)).read(Buffer.from("10ffffff7f", "hex"));
    assert.deepEqual(told, [{ type: 1, length: 268_435_455 }]);
  });
});
