// One event that a broker cannot bear, or does not allow, among many: it alone goes into quarantine.
import assert from "node:assert/strict";
import path from "node:path";
import {
  allCaught,
  catching,
  connectionTo,
  eventOut,
  input,
  online,
  startFlow,
  startServer,
  stopFlow,
  stopServer,
  useFolder,
} from "../support/flows";
import { Mosquitto } from "../support/mosquitto";
import { DEMO_BROKER, Observer } from "../support/observer";
import { temporaryFolder } from "../support/processes";
import { quarantinedIn } from "../support/quarantined";
import { TcpProxy } from "../support/tcp-proxy";

const EVENTS = 1_500;
const BAD = 700;

describe("a bad event among good ones", () => {
  before(startServer);
  after(stopServer);

  let userDir: string;
  let removeFolder: () => Promise<void>;
  let broker: Mosquitto;
  let observer: Observer;
  let proxy: TcpProxy;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    userDir = temporary.folder;
    removeFolder = temporary.remove;
    useFolder(userDir);
    const acl = [...DEMO_BROKER.acl];
    acl.splice(1, 0, "topic deny 0/demo-project/demo-user/forbidden");
    broker = await Mosquitto.start({ ...DEMO_BROKER, acl });
    observer = await Observer.start(broker);
    proxy = await TcpProxy.start(broker.port);
  });

  afterEach(async () => {
    await stopFlow();
    useFolder(undefined);
    await proxy.stop();
    await observer.stop();
    await broker.stop();
    await removeFolder();
  });

  async function sendAll(protocolVersion: string): Promise<void> {
    const config = connectionTo(proxy, { protocolVersion, outbox: "disk" });
    const out = eventOut({ deviceId: "device", deviceIdType: "msg" });
    await startFlow([config, out, ...catching()]);
    await online();

    const outcomes = await Promise.all(
      Array.from({ length: EVENTS }, (_, value) =>
        input("out", { payload: value, device: value === BAD ? "forbidden" : "d" }),
      ),
    );

    const failed = outcomes.flatMap(({ error }, value) => (error ? [value] : []));
    assert.deepEqual(failed, [BAD]);
  }

  /** Once all others have arrived, in order: the reason that stands with the one in quarantine. */
  async function reasonAside(): Promise<string> {
    const others = Array.from({ length: EVENTS }, (_, value) => value);
    others.splice(BAD, 1);
    assert.deepEqual([...new Set(await observer.numbers(EVENTS - 1))], others);
    const told = allCaught().filter(({ error }) => error.source.id === "out");
    assert.deepEqual(
      told.map(({ payload }) => payload),
      [BAD],
    );
    await stopFlow();
    const [entry, ...rest] = await quarantinedIn(path.join(userDir, "m1-outbox", "m1"));
    assert.deepEqual(rest, [], "one is in quarantine");
    assert.equal(JSON.parse(entry?.event?.payload ?? "").event_data.value, BAD);
    return entry?.reason ?? "";
  }

  it("on which the connection ends each time (MQTT 3.1.1) goes into quarantine after three tries", async () => {
    proxy.cutAt(`"value":${BAD}}`);

    await sendAll("4");

    assert.ok(!allCaught().some(({ error }) => error.code === "CLIENT_ID_CLASH"), "no clash");
    assert.match(await reasonAside(), /closed the connection 3 times/);
  });

  it("that the broker refuses (MQTT 5) goes into quarantine with its reason", async () => {
    await sendAll("5");

    assert.match(await reasonAside(), /Not authorized/);
  });
});
