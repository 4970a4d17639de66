// The client id of a connection that states none.
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { defaultClientId } from "../../nodes/connection/client-id";
import { checkClientId } from "../../nodes/protocol/credentials";

describe("default client id", () => {
  it("stays the same over restarts and releases, so that the broker keeps the session", () => {
    assert.equal(
      defaultClientId("d81ef68f93d6ad2c", "a1b2c3d4e5f60718"),
      "nodered-b6a56c4414242c6376758efd",
    );
  });

  it("is one that Medium One accepts", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (instanceId, configId) => {
        const clientId = defaultClientId(instanceId, configId);
        assert.equal(checkClientId(clientId), clientId);
        assert.ok(clientId.startsWith("nodered-"));
      }),
    );
  });

  it("is another for each config node and each Node-RED", () => {
    const id = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 1 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(id, id), { selector: String }), (nodes) => {
        const clientIds = new Set(
          nodes.map(([instance, config]) => defaultClientId(instance, config)),
        );
        assert.equal(clientIds.size, nodes.length);
      }),
    );
  });
});
