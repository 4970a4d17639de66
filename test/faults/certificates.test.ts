// Certificates that a real broker shows to a real Node-RED: what is refused, and what a TLS configuration makes of it.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import { type Certificate, certificate } from "../support/certificates";
import { type Installation, installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { printed, prints } from "../support/printed";
import { temporaryFolder } from "../support/processes";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;

const AUTHORITY = certificate();
const SHOWN = {
  good: certificate({ signer: AUTHORITY }),
  selfSigned: certificate(),
  elsewhere: certificate({ signer: AUTHORITY, altName: "DNS:broker.example" }),
  expired: certificate({ signer: AUTHORITY, years: [2020, 2021] }),
};
type Shown = keyof typeof SHOWN;

/** Of a refusal: the status, and what the log says of the certificate. */
const REASONS = {
  selfSigned: ["self-signed", "is self-signed: a TLS configuration must trust it"],
  untrusted: ["untrusted", "is not signed by a trusted authority"],
  wrongHost: ["wrong host name", "is for another host"],
  expired: ["expired", "has expired"],
} as const;
type Reason = keyof typeof REASONS;

interface Case {
  readonly title: string;
  readonly shown: Shown;
  /** Properties of the TLS configuration; by default none is used. */
  readonly tls?: { ca?: string; servername?: string; verifyservercert?: boolean };
  readonly refused?: Reason;
}

const trusted = { ca: "authority.pem" };
const unverified = { verifyservercert: false };
const CASES: readonly Case[] = [
  { title: "from an authority that the system trusts", shown: "good" },
  { title: "that signs itself", shown: "selfSigned", refused: "selfSigned" },
  { title: "for another host", shown: "elsewhere", refused: "wrongHost" },
  { title: "that has expired", shown: "expired", refused: "expired" },

  { title: "from the trusted authority", shown: "good", tls: trusted },
  {
    title: "from another authority than the trusted one",
    shown: "good",
    tls: { ca: "selfSigned.pem" },
    refused: "untrusted",
  },
  { title: "that signs itself and is trusted", shown: "selfSigned", tls: { ca: "selfSigned.pem" } },
  {
    title: "that signs itself beside the trusted authority",
    shown: "selfSigned",
    tls: trusted,
    refused: "selfSigned",
  },
  { title: "that signs itself, unverified", shown: "selfSigned", tls: unverified },
  { title: "for another host", shown: "elsewhere", tls: trusted, refused: "wrongHost" },
  {
    title: "for the server name that is expected",
    shown: "elsewhere",
    tls: { ...trusted, servername: "broker.example" },
  },
  {
    title: "for another name than the server name that is expected",
    shown: "good",
    tls: { ...trusted, servername: "broker.example" },
    refused: "wrongHost",
  },
  { title: "for another host, unverified", shown: "elsewhere", tls: unverified },
  { title: "that has expired", shown: "expired", tls: trusted, refused: "expired" },
  { title: "that has expired, unverified", shown: "expired", tls: { ...trusted, ...unverified } },
];

describe("a certificate", () => {
  let folder: { folder: string; remove: () => Promise<void> };
  const brokers = new Map<Shown, Mosquitto>();
  let installed: Installation;
  let nodeRed: NodeRed;

  before(async () => {
    folder = await temporaryFolder();
    await writeFile(file("authority.pem"), AUTHORITY.cert);
    for (const [name, shown] of Object.entries(SHOWN)) {
      brokers.set(name as Shown, await presenting(name, shown));
    }
    installed = await installation(CASES.flatMap(nodesOf));
    const wrapper = ["env", `NODE_EXTRA_CA_CERTS=${file("authority.pem")}`];
    nodeRed = await NodeRed.start(installed.userDir, {}, { wrapper });
  });

  after(async () => {
    await nodeRed.stop();
    for (const broker of brokers.values()) await broker.stop();
    await installed.remove();
    await folder.remove();
  });

  const file = (name: string) => path.join(folder.folder, name);

  async function presenting(name: string, { key, cert }: Certificate): Promise<Mosquitto> {
    await writeFile(file(`${name}.key`), key);
    await writeFile(file(`${name}.pem`), cert);
    const files = [`keyfile ${file(`${name}.key`)}`, `certfile ${file(`${name}.pem`)}`];
    return Mosquitto.start({ settings: files });
  }

  const portOf = ({ shown }: Case) => brokers.get(shown)?.port ?? 0;
  const urlOf = (one: Case) => `mqtts://127.0.0.1:${portOf(one)}`;

  /** Ours, and core's beside it if there is a TLS configuration for both. */
  function nodesOf(one: Case, index: number) {
    const { tls } = one;
    const t = `t${index}`;
    const url = urlOf(one);
    const outbox = "memory";
    const ours = [
      { id: t, type: "tab", label: t },
      {
        id: `m${index}`,
        type: "m1 connection",
        url,
        projectMqtt,
        userMqtt,
        outbox,
        tls: tls && `s${index}`,
      },
      { id: `out${index}`, z: t, type: "m1 event out", connection: `m${index}`, wires: [] },
    ];
    if (!tls) return ours;
    const ca = tls.ca ? file(tls.ca) : "";
    const usetls = { usetls: true, tls: `s${index}` };
    const address = { broker: "127.0.0.1", port: String(portOf(one)) };
    return [
      ...ours,
      {
        id: `s${index}`,
        type: "tls-config",
        cert: "",
        key: "",
        verifyservercert: true,
        ...tls,
        ca,
      },
      {
        id: `b${index}`,
        type: "mqtt-broker",
        ...address,
        ...usetls,
        clientid: `core${index}`,
        keepalive: "60",
      },
      { id: `core${index}`, z: t, type: "mqtt out", broker: `b${index}`, topic: "t", wires: [] },
    ];
  }

  /** Resolves once core's node is connected, or has failed to. */
  async function coreTakes(one: Case, index: number): Promise<boolean> {
    const told = `(Connected to|Connection failed to) broker: core${index}@${urlOf(one)}`;
    const [, how] = await printed(nodeRed, new RegExp(told));
    return how === "Connected to";
  }

  for (const [index, one] of CASES.entries()) {
    const { title, tls, refused } = one;
    const by = tls ? "with a TLS configuration, as by core's nodes" : "by default";

    it(`${title} is ${refused ? "refused" : "accepted"} ${by}`, async () => {
      const connected = `[m1 connection:m${index}] Connected to ${urlOf(one)}`;
      const { fill, text } = await nodeRed.status(`out${index}`, isSettled);
      if (refused) {
        const [status, words] = REASONS[refused];
        assert.deepEqual([fill, text], ["red", status]);
        const told = `[m1 connection:m${index}] The certificate of ${urlOf(one)} ${words}`;
        await prints(nodeRed, told);
        assert.ok(!nodeRed.output.includes(connected), nodeRed.output);
      } else {
        assert.equal(fill, "green", text);
        await prints(nodeRed, connected);
      }
      if (tls) assert.equal(await coreTakes(one, index), !refused, "as core's");
    });
  }
});

function isSettled({ fill }: { fill?: string }): boolean {
  return fill === "green" || fill === "red";
}
