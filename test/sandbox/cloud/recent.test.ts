// A map that forgets what was met longest ago (sandbox/cloud/recent.ts).
import { strict as assert } from "node:assert";
import { Recent, type RecentBounds } from "../../../sandbox/cloud/recent";

describe("sandbox: recent", () => {
  function recent(bounds: Omit<RecentBounds, "forgotten">, ...keys: string[]) {
    const forgotten: string[] = [];
    const map = new Recent<number>({ ...bounds, forgotten: (key) => forgotten.push(key) });
    for (const key of keys) map.set(key, key.length);
    return { map, forgotten };
  }

  it("forgets what was met longest ago, and tells", () => {
    const { map, forgotten } = recent({ items: 2 }, "a", "b", "c");
    assert.deepEqual([map.get("a"), map.get("b"), map.get("c")], [undefined, 1, 1]);
    assert.deepEqual(forgotten, ["a"]);
  });

  it("takes a look for a meeting", () => {
    const { map, forgotten } = recent({ items: 2 }, "a", "b");
    map.get("a");
    map.set("c", 1);
    assert.deepEqual(forgotten, ["b"]);
  });

  it("has keys of so many characters together, also if that is none at all", () => {
    assert.deepEqual(recent({ items: 9, characters: 5 }, "aa", "bbb", "c").forgotten, ["aa"]);
    assert.deepEqual(recent({ items: 9, characters: 5 }, "a", "x".repeat(6)).forgotten, [
      "a",
      "x".repeat(6),
    ]);
  });

  it("has room for as much as was taken out", () => {
    const { map, forgotten } = recent({ items: 9, characters: 4 }, "aa", "bb");
    map.delete("aa");
    map.delete("never there");
    map.set("cc", 2);
    map.set("cc", 3);
    assert.deepEqual([map.get("bb"), map.get("cc")], [2, 3]);
    assert.deepEqual(forgotten, []);
  });
});
