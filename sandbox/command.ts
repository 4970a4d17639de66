// `npm run sandbox`: a local Medium One to connect to, telling on the terminal what it sees.
import { report } from "./report";
import { DEFAULT_PORT, DEMO_ACCOUNT, Sandbox, SandboxError } from "./sandbox";
import { rules } from "./workflows";

const PORT_VARIABLE = "M1_SANDBOX_PORT";

async function run(): Promise<void> {
  const sandbox = new Sandbox({ port: portFrom(process.env[PORT_VARIABLE]), rules: rules() });
  await sandbox.start();
  console.log(howToConnect(sandbox));
  report(sandbox, console.log, { colour: process.stdout.isTTY });
  sandbox.on("error", (error) => console.error(error));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      sandbox.stop().then(() => console.log("The sandbox has ended."), fail);
    });
  }
}

/** Blank is Medium One's own port; throws a RangeError for what is no port. */
function portFrom(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new RangeError(`${PORT_VARIABLE} is ${text}; it must be a number from 0 to 65535`);
}

function howToConnect(sandbox: Sandbox): string {
  const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
  const login = `-h 127.0.0.1 -p ${sandbox.port} -u ${projectMqtt}/${userMqtt} -P ${apiKey}/${userPassword}`;
  return `
A local Medium One listens at ${sandbox.url}. Ctrl-C ends it.

  Project MQTT ID   ${projectMqtt}
  User MQTT ID      ${userMqtt}
  API key           ${apiKey}
  User password     ${userPassword}

Send an event, as the device demo-device:

  mosquitto_pub ${login} -q 1 -t 0/${projectMqtt}/${userMqtt}/demo-device -m '{"event_data":{"temperature":31}}'

Receive what is sent to the devices and groups:

  mosquitto_sub ${login} -q 1 -v -t '1/${projectMqtt}/${userMqtt}/#' -t '2/${projectMqtt}/#'
`;
}

function fail(error: unknown): void {
  const { message } = error as Error;
  const isPortTaken = error instanceof SandboxError && error.code === "PORT_TAKEN";
  const advice = isPortTaken ? `; set ${PORT_VARIABLE} to use another port` : "";
  console.error(`The sandbox cannot run: ${message}${advice}`);
  process.exitCode = 1;
}

run().catch(fail);
