// The runtime speaks the language of Node-RED's `lang` setting, the editor that of its user.
import { equal, match } from "node:assert/strict";
import german from "../../nodes/locales/de/m1-connection.json";
import japanese from "../../nodes/locales/ja/m1-connection.json";
import { connectionTo, eventOut } from "../support/flows";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { prints } from "../support/printed";
import { freePort } from "../support/processes";

const CATALOGUE = "locales/@m1-community/node-red-medium-one/m1-connection";

describe("a Node-RED whose language is German", function () {
  this.timeout(20_000);
  let nodeRed: NodeRed;
  let broker: string;
  let remove: () => Promise<void>;

  before(async () => {
    broker = `mqtt://127.0.0.1:${await freePort()}`;
    const flow = [
      { id: "tab", type: "tab", label: "" },
      connectionTo({ url: broker }),
      eventOut({ z: "tab", wires: [] }),
      eventOut({ id: "wrong", z: "tab", wires: [], qos: ["1"] }),
    ];
    const installed = await installation(flow);
    remove = installed.remove;
    nodeRed = await NodeRed.start(installed.userDir, { lang: "de" });
  });
  after(async () => {
    await nodeRed.stop();
    await remove();
  });

  it("shows statuses in German", async () => {
    const { text } = await nodeRed.status("out", ({ fill }) => fill === "red");
    equal(text, german.status.reasons.REFUSED);
  });

  it("tells errors in German, with the names of fields and kinds of values", async () => {
    await nodeRed.status("out", ({ fill }) => fill === "red");
    await prints(nodeRed, `Unter ${broker} nimmt niemand Verbindungen an`);
    await prints(nodeRed, "„QoS“: ein Array ist keines von 0, 1, 2");
  });

  it("gives the editor the language that its user has chosen", async () => {
    const texts = (await nodeRed.get(`${CATALOGUE}?lng=ja`)) as typeof japanese;
    equal(texts.errors.URL_PORT, japanese.errors.URL_PORT);
  });

  it("gives the editor the help in the language of the browser", async () => {
    const headers = { accept: "text/html", "accept-language": "fr" };
    const html = await (await fetch(`${nodeRed.url}/nodes`, { headers })).text();
    match(html, /Envoie des événements à Medium One/);
  });
});
