// A list that forgets its oldest items (sandbox/cloud/history.ts).
import { strict as assert } from "node:assert";
import { History } from "../../../sandbox/cloud/history";

describe("sandbox: history", () => {
  function kept(bounds: ConstructorParameters<typeof History<string>>[0], ...items: string[]) {
    const history = new History<string>(bounds);
    for (const item of items) history.add(item);
    return history.items;
  }
  const weigh = (item: string) => item.length;

  it("keeps the last so many", () => {
    assert.deepEqual(kept({ items: 2 }, "a", "b", "c"), ["b", "c"]);
  });

  it("keeps as many as weigh no more than they may", () => {
    assert.deepEqual(kept({ items: 9, weight: 5, weigh }, "aaa", "bb", "c"), ["bb", "c"]);
    assert.deepEqual(kept({ items: 9, weight: 5, weigh }, "aa", "bb", "c"), ["aa", "bb", "c"]);
    assert.deepEqual(kept({ items: 9, weight: 5, weigh }, "aaaa", "b", "cccc", "d"), ["cccc", "d"]);
  });

  it("keeps the last one, however heavy", () => {
    assert.deepEqual(kept({ items: 9, weight: 5, weigh }, "a", "bbbbbbbb"), ["bbbbbbbb"]);
  });

  it("has room for as much as was removed, and tells what had to go", () => {
    const gone: string[] = [];
    const forgotten = (item: string) => gone.push(item);
    const history = new History<string>({ items: 9, weight: 5, weigh, forgotten });
    for (const item of ["aa", "bb"]) history.add(item);
    for (const item of ["aa", "never there"]) history.remove(item);
    history.add("ccc");
    assert.deepEqual([history.items, gone], [["bb", "ccc"], []]);
    history.add("d");
    assert.deepEqual([history.items, gone], [["ccc", "d"], ["bb"]]);
  });

  it("of more than 50,000 lets a hundredth go at once, and goes on as fast as it began", () => {
    const items = 1_000_000;
    const gone: number[] = [];
    const history = new History<number>({ items, forgotten: (item) => gone.push(item) });
    const add = (count: number) => {
      for (let added = 0; added < count; added += 1) {
        history.add(gone.length + history.items.length);
      }
    };
    add(items);
    assert.deepEqual([history.items.length, gone.length], [items, 0]);
    add(1);
    assert.deepEqual([history.items[0], history.items.at(-1)], [10_000, items]);
    assert.deepEqual([gone[0], gone.at(-1)], [0, 9999]);
    const started = performance.now();
    add(20_000);
    const milliseconds = performance.now() - started;
    assert.ok(milliseconds < 1000, `${milliseconds} ms`);
    assert.ok(history.items.length > 0.98 * items && history.items.length <= items);
  });

  it("is the same array at all times", () => {
    const history = new History<string>({ items: 1 });
    const { items } = history;
    history.add("a");
    history.add("b");
    assert.deepEqual(items, ["b"]);
  });
});
