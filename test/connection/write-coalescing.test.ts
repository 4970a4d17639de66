// Packets of a turn go out in one piece, whatever they are made of, and none waits for longer than that.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { Writable } from "node:stream";
import { generate, writeToStream } from "mqtt-packet";
import { coalesceWrites } from "../../nodes/connection/write-coalescing";

/** A stream that remembers the pieces it was given; one that is `slow` takes the next when told. */
function recorder({ highWaterMark = 100_000, slow = false } = {}) {
  const pieces: Buffer[] = [];
  let taken: (() => void) | undefined;
  const take = (piece: Buffer, done: () => void) => {
    pieces.push(piece);
    if (slow) taken = done;
    else done();
  };
  const stream = new Writable({
    highWaterMark,
    write(piece: Buffer, _encoding, done) {
      take(piece, done);
    },
    writev(chunks, done) {
      take(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done);
    },
  });
  const sendNow = coalesceWrites(stream);
  /** Takes the piece that it was given last. */
  const proceed = () => {
    const done = taken;
    taken = undefined;
    done?.();
  };
  return { pieces, stream, sendNow, proceed, texts: () => pieces.map(String) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("gathered writes", () => {
  it("go out together at the end of the turn, also those of later ticks", async () => {
    const { stream, texts } = recorder();
    stream.write("a");
    process.nextTick(() => stream.write("b"));
    await Promise.resolve();
    await Promise.resolve();
    stream.write("c");
    assert.deepEqual(texts(), []);
    await turn();
    assert.equal(texts().length, 1);
    assert.deepEqual([...(texts()[0] ?? "")].sort(), ["a", "b", "c"]);
  });

  it("go out when that is asked for", () => {
    const { stream, sendNow, texts } = recorder();
    stream.write("a");
    sendNow();
    assert.deepEqual(texts(), ["a"]);
  });

  it("that mqtt-packet makes for a packet go out then, too, and not a tick later", () => {
    const { stream, sendNow, pieces } = recorder();
    const packet = { cmd: "publish", topic: "t", payload: "x", qos: 0, dup: false } as const;
    writeToStream({ ...packet, retain: false }, stream);
    sendNow();
    assert.deepEqual(pieces, [generate({ ...packet, retain: false })]);
  });

  it("of the next turn go out in that turn", async () => {
    const { stream, texts } = recorder();
    stream.write("a");
    await turn();
    stream.write("b");
    await turn();
    assert.deepEqual(texts(), ["a", "b"]);
  });

  it("are text and bytes of any length, one after the other", async () => {
    const { stream, pieces } = recorder();
    const chunks = [
      "ü€😀",
      Buffer.from([0, 255]),
      "",
      Buffer.alloc(40, 1),
      Buffer.alloc(8, 2),
      "z",
    ];
    for (const chunk of chunks) stream.write(chunk);
    await turn();
    assert.deepEqual(pieces, [Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)))]);
  });

  it("go out in the middle of the turn, too, as often as a buffer is full", async () => {
    const { stream, pieces } = recorder({ highWaterMark: 1_000_000 });
    const chunks = Array.from({ length: 30 }, (_, index) => Buffer.alloc(10_000, index));
    for (const chunk of chunks) stream.write(chunk);
    assert.deepEqual(
      pieces.map(({ length }) => length),
      [60_000, 60_000, 60_000, 60_000],
    );
    await turn();
    assert.equal(Buffer.concat(pieces).equals(Buffer.concat(chunks)), true);
  });

  it("are in order however long they are", async () => {
    const { stream, pieces } = recorder({ highWaterMark: 1_000_000 });
    const chunks = [Buffer.alloc(40_000, 1), Buffer.alloc(40_000, 2), "ü".repeat(100_000), "z"];
    for (const chunk of chunks) stream.write(chunk);
    await turn();
    const expected = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
    assert.equal(Buffer.concat(pieces).equals(expected), true);
  });

  it("are all out when the turn ends: nothing of a packet comes later than the rest", async () => {
    const { stream, pieces } = recorder();
    const packets = Array.from({ length: 1_000 }, (_, messageId) => {
      const payload = "x".repeat(messageId % 300);
      const publish = { cmd: "publish", topic: "0/p/u/d", payload, qos: 1, messageId } as const;
      return { ...publish, dup: false, retain: false };
    });
    for (const packet of packets) {
      const before = pieces.length;
      writeToStream(packet, stream);
      await turn();
      assert.ok(Buffer.concat(pieces.slice(before)).equals(generate(packet)));
    }
  });

  it("leave alone what the stream has not sent yet", async () => {
    const { stream, pieces, proceed } = recorder({ slow: true });
    for (let index = 0; index < 300; index += 1) {
      stream.write(Buffer.alloc(1_000, index));
      if (index % 10 === 0) await turn();
      if (index % 30 === 0) proceed();
    }
    for (let left = 0; left < 60; left += 1) {
      await turn();
      proceed();
    }
    const expected = Array.from({ length: 300 }, (_, index) => Buffer.alloc(1_000, index));
    assert.equal(Buffer.concat(pieces).equals(Buffer.concat(expected)), true);
  });

  it("say when the stream is full, and it says when it is not", async () => {
    const { stream, proceed } = recorder({ highWaterMark: 10, slow: true });
    assert.equal(stream.write("0123456789"), true);
    await turn();
    assert.equal(stream.write("more"), false);
    const drained = once(stream, "drain");
    proceed();
    await turn();
    proceed();
    await drained;
    assert.equal(stream.write("again"), true);
  });

  it("say so in the middle of a turn, too, if that has much to write", async () => {
    const { stream, proceed } = recorder({ slow: true });
    let chunks = 1;
    while (stream.write(Buffer.alloc(10_000)) && chunks < 100) chunks += 1;
    assert.ok(chunks < 20, `${chunks} chunks`);
    const drained = once(stream, "drain");
    for (let left = 0; left < 3; left += 1) {
      proceed();
      await turn();
    }
    await drained;
    assert.equal(stream.write("again"), true);
  });

  it("to a stream that has gone are lost without an error", async () => {
    const { stream, texts } = recorder();
    stream.write("a");
    stream.destroy();
    assert.equal(stream.write("b"), false, "it takes nothing more");
    await turn();
    assert.deepEqual(texts(), []);
  });
});
