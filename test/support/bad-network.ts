// Flows behind a bad network: for each test a real broker, who hears what it passes on, and a proxy before it.
import { startServer, stopFlow, stopServer } from "./flows";
import { Mosquitto } from "./mosquitto";
import { DEMO_BROKER, Observer } from "./observer";
import { TcpProxy } from "./tcp-proxy";

export interface BadNetwork {
  observer: Observer;
  proxy: TcpProxy;
}

/** Node-RED for a suite, and what each of its tests needs. */
export function eachBehindProxy(): BadNetwork {
  const context = {} as BadNetwork;
  let broker: Mosquitto;
  before(startServer);
  after(stopServer);
  beforeEach(async () => {
    broker = await Mosquitto.start(DEMO_BROKER);
    context.observer = await Observer.start(broker);
    context.proxy = await TcpProxy.start(broker.port);
  });
  afterEach(async () => {
    await stopFlow();
    await context.proxy.stop();
    await context.observer.stop();
    await broker.stop();
  });
  return context;
}
