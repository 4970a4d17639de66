// How a node's stored settings are read: absent, as a checkbox left them, or from a variable.
import { strict as assert } from "node:assert";
import { flagSetting, setting } from "../../nodes/runtime/settings";

describe("a checkbox", () => {
  const cases = [
    { title: "ticked", stored: true, read: true },
    { title: "not ticked", stored: false, read: false },
    { title: "absent, where it is ticked by default", stored: undefined, absent: true, read: true },
    { title: "absent, where it is not", stored: undefined, absent: false, read: false },
    { title: "from a variable that holds true", stored: "true", read: true },
    { title: "from a variable that holds false", stored: "false", absent: true, read: false },
    { title: "from a variable that holds something else", stored: "yes", read: false },
  ];
  for (const { title, stored, absent = false, read } of cases) {
    it(`that is ${title} is ${read}`, () => {
      assert.equal(flagSetting(stored, "cleanSession", absent), read);
    });
  }

  it("from a variable that is not set is an error that names it", () => {
    assert.throws(() => flagSetting("$" + "{M1_UNSET}", "addClientIp", false), {
      code: "ENV_UNSET",
      message: "tag ip_address: the environment variable M1_UNSET is not set",
    });
  });
});

describe("a setting", () => {
  it("is its default only if it is absent, not if it is blank", () => {
    assert.equal(setting(undefined, "url", "default"), "default");
    assert.equal(setting(null, "url", "default"), "default");
    assert.equal(setting("", "url", "default"), "");
  });
});
