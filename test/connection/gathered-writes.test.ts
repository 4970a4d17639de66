// Small packets share a system call, and none waits for longer than the turn of the event loop.
import { strict as assert } from "node:assert";
import { Writable } from "node:stream";
import { gatheredWrites } from "../../nodes/connection/gathered-writes";

/** A stream that remembers what it was given at a time. */
function recorder(highWaterMark = 1_000) {
  const given: string[] = [];
  const stream = new Writable({
    highWaterMark,
    decodeStrings: false,
    write(chunk, _encoding, done) {
      given.push(chunk);
      done();
    },
    writev(chunks, done) {
      given.push(chunks.map(({ chunk }) => chunk).join(""));
      done();
    },
  });
  const before = gatheredWrites(stream);
  const write = (text: string) => {
    before();
    // As mqtt-packet does for each packet.
    stream.cork();
    process.nextTick(() => stream.uncork());
    stream.write(text);
  };
  return { given, write };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("gathered writes", () => {
  it("go out together at the end of the turn, also those of later ticks", async () => {
    const { given, write } = recorder();
    write("a");
    process.nextTick(() => write("b"));
    await Promise.resolve();
    write("c");
    assert.deepEqual(given, []);
    await turn();
    assert.deepEqual(
      given.map((text) => [...text].sort().join("")),
      ["abc"],
    );
  });

  it("of the next turn go out in that turn", async () => {
    const { given, write } = recorder();
    write("a");
    await turn();
    write("b");
    await turn();
    assert.deepEqual(given, ["a", "b"]);
  });

  it("go out before the end of the turn when the stream has enough of them", async () => {
    const { given, write } = recorder(4);
    write("ab");
    write("cd");
    await Promise.resolve();
    write("ef");
    assert.deepEqual(given, ["abcd"]);
    await turn();
    assert.deepEqual(given, ["abcd", "ef"]);
  });
});
