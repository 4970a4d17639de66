// How the client's socket is set.
import { strict as assert } from "node:assert";
import { Socket } from "node:net";
import { certificate } from "../support/certificates";
import { closeConnections, openConnection, rawServer } from "../support/connections";

describe("client: what is written does not wait for TCP's acknowledgement of what went before", () => {
  const { setNoDelay } = Socket.prototype;
  const settings: (boolean | undefined)[] = [];
  before(() => {
    Socket.prototype.setNoDelay = function (noDelay) {
      settings.push(noDelay);
      return setNoDelay.call(this, noDelay);
    };
  });
  after(() => {
    Socket.prototype.setNoDelay = setNoDelay;
  });
  beforeEach(() => {
    settings.length = 0;
  });

  for (const scheme of ["mqtt", "mqtts"] as const) {
    it(`over ${scheme}`, async () => {
      const tls = scheme === "mqtts" ? certificate() : undefined;
      let heard: () => void;
      const hasConnected = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const server = await rawServer((socket) => socket.once("data", heard), tls);
      openConnection(server, { settings: { tls: { rejectUnauthorized: false } } });
      await hasConnected;
      await closeConnections();
      await server.stop();
      assert.deepEqual(settings, [true]);
    });
  }
});
