// Reports come while somebody looks, and only then.
import { deepEqual, equal } from "node:assert/strict";
import { mock } from "node:test";
import type { OutboxReport } from "../../nodes/admin/outbox-answers";
import { EVERY_MS, LOOKS_FOR, OutboxWatch } from "../../nodes/admin/outbox-watch";

describe("the reports of outboxes", () => {
  let asked: number;
  let published: OutboxReport[];
  let watch: OutboxWatch;
  let report: OutboxReport;

  beforeEach(() => {
    mock.timers.enable({ apis: ["setInterval"] });
    asked = 0;
    published = [];
    report = { connections: [] };
    watch = new OutboxWatch(
      () => {
        asked += 1;
        return report;
      },
      (told) => published.push(told),
    );
  });
  afterEach(() => mock.timers.reset());

  const pass = (reports: number) => mock.timers.tick(reports * EVERY_MS);
  const named = (name: string) =>
    ({ connections: [{ id: "m1", name, state: "idle", since: 0, users: [] }] }) as OutboxReport;

  it("are not even made while nobody has asked", () => {
    pass(100);
    equal(asked, 0);
  });

  it("are made while somebody looks, and no longer", () => {
    watch.look();
    pass(1_000);
    equal(asked, LOOKS_FOR);
  });

  it("go on while somebody asks again", () => {
    for (let times = 0; times < 10; times += 1) {
      watch.look();
      pass(LOOKS_FOR - 1);
    }
    equal(asked, 10 * (LOOKS_FOR - 1));
  });

  it("begin again for whoever comes later", () => {
    watch.look();
    pass(1_000);
    watch.look();
    pass(1_000);
    equal(asked, 2 * LOOKS_FOR);
  });

  it("are told when they say something new", () => {
    watch.look();
    pass(3);
    report = named("Home");
    pass(3);
    report = named("Away");
    pass(1);
    deepEqual(published, [{ connections: [] }, named("Home"), named("Away")]);
  });
});
