// What LevelDB and the disk report is told apart: files that are damaged, and a disk that is of no use.
import assert from "node:assert/strict";
import { isDamage, notLoaded, reasonOf, unusable } from "../../nodes/outbox/store-errors";
import { M1Error } from "../../nodes/protocol/errors";

function error(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

/** As opening throws it: the reason stands in the cause. */
function opening(code: string, message: string): Error {
  return error("LEVEL_DATABASE_NOT_OPEN", "Database failed to open", error(code, message));
}

const reports = [
  {
    name: "damage while it is read",
    report: error("LEVEL_CORRUPTION", "Corruption: block checksum mismatch"),
    damage: true,
    reason: "Corruption: block checksum mismatch",
  },
  {
    name: "damage while it is opened",
    report: opening("LEVEL_CORRUPTION", "Corruption: no meta-nextfile entry in descriptor"),
    damage: true,
    reason: "Corruption: no meta-nextfile entry in descriptor",
  },
  {
    name: "a file that is too short while it is read",
    report: error("LEVEL_IO_ERROR", "IO error: c1/000005.ldb: Invalid argument"),
    damage: true,
    reason: "IO error: c1/000005.ldb: Invalid argument",
  },
  {
    name: "a file that is too short while it is opened",
    report: opening("LEVEL_IO_ERROR", "IO error: c1/000005.ldb: Invalid argument"),
    damage: true,
    reason: "IO error: c1/000005.ldb: Invalid argument",
  },
  {
    name: "a full disk",
    report: error("LEVEL_IO_ERROR", "IO error: c1/000006.log: No space left on device"),
    damage: false,
    reason: "IO error: c1/000006.log: No space left on device",
  },
  {
    name: "a disk that cannot be read",
    report: opening("LEVEL_IO_ERROR", "IO error: c1/CURRENT: Permission denied"),
    damage: false,
    reason: "IO error: c1/CURRENT: Permission denied",
  },
  {
    name: "another process",
    report: opening("LEVEL_LOCKED", "IO error: lock c1/LOCK: already held by process"),
    damage: false,
    reason: "IO error: lock c1/LOCK: already held by process",
  },
  {
    name: "a database that is not open, for no reason told",
    report: error("LEVEL_DATABASE_NOT_OPEN", "Database is not open"),
    damage: false,
    reason: "Database is not open",
  },
  {
    name: "a file where a folder should be",
    report: error("EEXIST", "EEXIST: file already exists, mkdir 'c1'"),
    damage: false,
    reason: "EEXIST: file already exists, mkdir 'c1'",
  },
  {
    name: "an invalid argument of something else",
    report: error("EINVAL", "EINVAL: Invalid argument, mkdir 'c1'"),
    damage: false,
    reason: "EINVAL: Invalid argument, mkdir 'c1'",
  },
  {
    name: "an error without a code",
    report: new Error("Invalid argument"),
    damage: false,
    reason: "Invalid argument",
  },
  {
    name: "an error whose cause is none",
    report: error("LEVEL_X", "out of luck", "bad luck"),
    damage: false,
    reason: "out of luck",
  },
];

describe("errors of the store", () => {
  for (const { name, report, damage, reason } of reports) {
    it(`${damage ? "are" : "are not"} damage: ${name}`, () => {
      assert.equal(isDamage(report), damage);
    });

    it(`tell the reason in the disk's own words: ${name}`, () => {
      assert.equal(reasonOf(report), reason);

      const told = unusable(report);

      assert.ok(told instanceof M1Error);
      assert.deepEqual(
        { code: told.code, details: told.details },
        { code: "OUTBOX_UNUSABLE", details: { reason } },
      );
      assert.equal(told.cause, report);
    });
  }

  it("that tell why the native module cannot be loaded are no damage, and say so in one line", () => {
    const report = new Error("No native build was found for arch=riscv64\n    loaded from: /a/b\n");

    const told = notLoaded(report);

    const { machine, reason } = told.details;
    assert.equal(told.code, "OUTBOX_NOT_LOADED");
    assert.equal(machine, `${process.platform}-${process.arch}`);
    assert.equal(reason, "No native build was found for arch=riscv64");
    assert.equal(told.cause, report);
    assert.equal(isDamage(told), false);
    assert.equal(unusable(told), told);
  });

  it("that have a name already keep it", () => {
    const unreadable = new M1Error("OUTBOX_UNREADABLE");

    assert.equal(unusable(unreadable), unreadable);
  });
});
