// What the tests of the sandbox share: a sandbox for each test, and MQTT clients that it ends.
import { type IClientOptions, type IPublishPacket, type MqttClient, connect as open } from "mqtt";
import { generate, type IConnectPacket } from "mqtt-packet";
import type { Identity } from "../../nodes/protocol/topics";
import { DEMO_ACCOUNT, Sandbox, type SandboxOptions } from "../../sandbox/sandbox";

export const OWN = "demo-project/demo-user";
export const EVENT = '{"event_data":{"temperature":21.5}}';

/** As mqtt.js has them; undefined takes a default of these tests away. */
export type ClientOptions = {
  [Name in keyof IClientOptions]?: IClientOptions[Name] | undefined;
};

const clients = new Set<MqttClient>();

/** A running sandbox on a port of its own for each test of the suite. */
export function eachWithSandbox(options: SandboxOptions | (() => SandboxOptions) = {}): {
  sandbox: Sandbox;
} {
  const context = {} as { sandbox: Sandbox };
  beforeEach(async () => {
    const own = typeof options === "function" ? options() : options;
    context.sandbox = new Sandbox({ port: 0, ...own });
    await context.sandbox.start();
  });
  afterEach(async () => {
    await endClients();
    await context.sandbox.stop();
  });
  return context;
}

/** The bytes with which a client of the demo user opens its connection: for one without a library. */
export function connectBytes(options: Partial<IConnectPacket> = {}): Buffer {
  const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
  return generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    clientId: "raw",
    keepalive: 0,
    username: `${projectMqtt}/${userMqtt}`,
    password: Buffer.from(`${apiKey}/${userPassword}`),
    ...options,
  });
}

export async function endClients(): Promise<void> {
  await Promise.all([...clients].map((client) => client.endAsync(true)));
  clients.clear();
}

/** A client of the demo user unless told; it does not reconnect, and `endClients` ends it. */
export function client(sandbox: Sandbox, options: ClientOptions = {}): MqttClient {
  const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
  const opened = open(sandbox.url, {
    username: `${projectMqtt}/${userMqtt}`,
    password: `${apiKey}/${userPassword}`,
    reconnectPeriod: 0,
    ...options,
  } as IClientOptions);
  // The tests look at how connections end; an error without a listener would end the process.
  opened.on("error", ignore);
  clients.add(opened);
  return opened;
}

export async function connect(sandbox: Sandbox, options: ClientOptions = {}): Promise<MqttClient> {
  const opened = client(sandbox, options);
  await new Promise((resolve, reject) => {
    opened.once("connect", resolve);
    opened.once("error", reject);
  });
  return opened;
}

/** The return code of the CONNACK that refuses a client. */
export function refusedWith(sandbox: Sandbox, options: ClientOptions): Promise<number> {
  const opened = client(sandbox, options);
  return new Promise((resolve, reject) => {
    opened.once("connect", () => reject(new Error("The sandbox let the client in")));
    opened.once("error", (error) => resolve((error as Error & { code: number }).code));
  });
}

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** Collects what a client receives; `upTo` waits until it has so many. */
export function inbox(receiver: MqttClient): {
  readonly messages: Received[];
  upTo(count: number): Promise<Received[]>;
} {
  const messages: Received[] = [];
  receiver.on("message", (topic, payload, { qos, retain }: IPublishPacket) => {
    messages.push({ topic, payload: payload.toString(), qos, retain });
  });
  return {
    messages,
    upTo(count) {
      return new Promise((resolve) => {
        const check = () => {
          if (messages.length < count) return;
          receiver.off("message", check);
          resolve(messages);
        };
        receiver.on("message", check);
        check();
      });
    },
  };
}

/** The codes of a SUBACK: the QoS granted, or 128. */
export function suback(subscriber: MqttClient, filters: readonly string[]): Promise<number[]> {
  return new Promise((resolve) => {
    subscriber.on("packetreceive", (packet) => {
      if (packet.cmd === "suback") resolve(packet.granted as number[]);
    });
    subscriber.subscribe([...filters], { qos: 1 }, ignore);
  });
}

export function closed(ending: MqttClient): Promise<void> {
  return new Promise((resolve) => ending.once("close", () => resolve()));
}

export function loginOf(who: Identity & { apiKey: string; userPassword: string }): IClientOptions {
  return {
    username: `${who.projectMqtt}/${who.userMqtt}`,
    password: `${who.apiKey}/${who.userPassword}`,
  };
}

function ignore(): undefined {
  return undefined;
}
