// What the dialog of m1 event out is told of the last message.
import { deepEqual, equal, ok } from "node:assert/strict";
import helper from "node-red-node-test-helper";
import { restored } from "../../nodes/runtime/told-value";
import { connectionTo, eachWithSandbox, eventOut, input, startFlow } from "../support/flows";

interface Report {
  at?: number;
  message?: Record<string, unknown>;
  results?: Record<string, unknown>;
  inputs?: Record<string, unknown>;
  omitted?: string[];
}

async function lastMessage(id = "out"): Promise<Report> {
  const { body } = await helper.request().post("/m1-connection/last-message").send({ id });
  return body;
}

describe("the last message of an m1 event out", () => {
  const context = eachWithSandbox();

  const start = (settings: object = {}) =>
    startFlow([connectionTo(context.sandbox), eventOut({ deviceId: "pump", ...settings })]);

  it("is none before the first, of another type of node, or of no node", async () => {
    await start();
    for (const id of ["out", "m1", "nobody", ""]) deepEqual(await lastMessage(id), {});
  });

  it("is the latest, with what the inputs gave for it", async () => {
    await start({ deviceId: "topic", deviceIdType: "msg", eventData: "payload.t" });
    const before = Date.now();
    await input("out", { topic: "first", payload: { t: 1 } });
    await input("out", { topic: "pump", payload: { t: 21.5 } });
    const { at = 0, message, results } = await lastMessage();
    deepEqual([message?.topic, message?.payload], ["pump", { t: 21.5 }]);
    deepEqual(results, {}, "both are properties of the message");
    ok(at >= before && at <= Date.now());
  });

  it("is also one that was refused, and one whose inputs have to be waited for", async () => {
    await start({ eventData: "payload * 2", eventDataType: "jsonata" });
    await input("out", { payload: 21 });
    deepEqual((await lastMessage()).results, { deviceId: "pump", eventData: 42 });
    const { error } = await input("out", { payload: "x" });
    ok(error);
    const { message, results } = await lastMessage();
    deepEqual([message?.payload, results], ["x", {}]);
  });

  it("leaves out what is circular or finds no room, and keeps the rest", async () => {
    await start();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await input("out", {
      payload: 1,
      req: circular,
      long: "x".repeat(70_000),
    });
    const { message, omitted } = await lastMessage();
    deepEqual(Object.keys(message ?? {}).sort(), ["_msgid", "m1", "payload"]);
    deepEqual([...(omitted ?? [])].sort(), ["long", "req"]);
  });

  it("holds what JSON has nothing for: a Date, NaN, a BigInt, a function, bytes", async () => {
    await start();
    const at = new Date();
    const bytes = Buffer.from("21.5");
    await input("out", { payload: { at, t: Number.NaN }, big: 1n, act: () => 1, bytes });
    const { message, omitted } = await lastMessage();
    const { payload, big, act, bytes: sent } = restored(message) as Record<string, unknown>;
    deepEqual([payload, big, typeof act], [{ at, t: Number.NaN }, 1n, "function"]);
    deepEqual(Buffer.from(sent as Uint8Array), bytes);
    deepEqual(omitted, []);
  });

  it("says of an input that gave nothing that it is undefined", async () => {
    await start({ eventData: "payload.t", eventDataType: "jsonata" });
    await input("out", { payload: {} });
    const { eventData } = restored((await lastMessage()).results) as Record<string, unknown>;
    equal(eventData, undefined);
    deepEqual(Object.keys((await lastMessage()).results ?? {}), ["deviceId", "eventData"]);
  });

  it("comes with the inputs as they are deployed, and with a payload of 40,000 characters once", async () => {
    await start({ deviceIdType: "str" });
    const payload = "x".repeat(40_000);
    await input("out", { payload });
    const { message, inputs } = await lastMessage();
    equal(message?.payload, payload);
    deepEqual(inputs, {
      deviceId: { value: "pump", type: "str" },
      eventData: { value: "payload", type: "msg" },
      observedAt: { value: "", type: "arrival" },
    });
  });

  it("is told to the editor's own page only", async () => {
    await start();
    await input("out", { payload: 1 });
    const { status } = await helper
      .request()
      .post("/m1-connection/last-message")
      .set("Origin", "https://elsewhere.example")
      .send({ id: "out" });
    equal(status, 403);
  });
});
