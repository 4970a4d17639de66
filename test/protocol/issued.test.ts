// What Medium One issues has no white space around it: what has was copied with too much.
import assert from "node:assert/strict";
import { issuedApiKey, issuedMqttId } from "../../nodes/protocol/issued";
import { refuses } from "./failure";

describe("what Medium One issues", () => {
  it("is refused with white space around it, which is named", () => {
    const space = { kind: "space" };
    refuses(() => issuedMqttId(" p", "projectMqtt"), "SPACE_BEFORE", {
      field: "projectMqtt",
      ...space,
    });
    refuses(() => issuedMqttId("u ", "userMqtt"), "SPACE_AFTER", { field: "userMqtt", ...space });
    refuses(() => issuedApiKey("KEY "), "SPACE_AFTER", { field: "apiKey", ...space });
  });

  it("is otherwise what a topic and a password may hold", () => {
    assert.equal(issuedMqttId("a b", "projectMqtt"), "a b");
    refuses(() => issuedMqttId("a/b", "userMqtt"), "LEVEL_CHARACTER");
    refuses(() => issuedMqttId("", "userMqtt"), "LEVEL_EMPTY");
    assert.equal(issuedApiKey("K Y"), "K Y");
    refuses(() => issuedApiKey("K/Y"), "API_KEY_SLASH");
    refuses(() => issuedApiKey(undefined), "CREDENTIAL_MISSING");
  });
});
