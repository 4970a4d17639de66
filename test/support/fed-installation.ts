// An installation that a test feeds, and all around it: a broker, who hears what that passes on, and a bad network.
import { EventLog } from "./event-log";
import { feedFlow } from "./feed";
import { installation } from "./installation";
import { Mosquitto } from "./mosquitto";
import { freePort } from "./processes";
import { TcpProxy } from "./tcp-proxy";

export interface FedInstallation {
  /** What Node-RED is to be started with. */
  readonly userDir: string;
  /** For `openFeed`, once it runs. */
  readonly feedPort: number;
  /** Past the proxy. */
  readonly brokerUrl: string;
  readonly proxy: TcpProxy;
  /** Behind the proxy, at the broker. */
  readonly observer: EventLog;
  remove(): Promise<void>;
}

/** `settings` are those of the config node. */
export async function fedInstallation(settings: object = {}): Promise<FedInstallation> {
  const broker = await Mosquitto.start();
  const observer = new EventLog();
  await observer.join(broker.url);
  const proxy = await TcpProxy.start(broker.port);
  const feedPort = await freePort();
  const installed = await installation(feedFlow(proxy.url, feedPort, settings));
  return {
    userDir: installed.userDir,
    feedPort,
    brokerUrl: broker.url,
    proxy,
    observer,
    async remove() {
      await observer.leave();
      await proxy.stop();
      await broker.stop();
      await installed.remove();
    },
  };
}
