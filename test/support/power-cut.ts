// What a power cut leaves of a folder, made from a trace of what was asked of the disk before.
//
// ext4 with its usual settings writes its journal in order, and whatever makes it write one file's size makes it
// write all names that were given or taken before. A file's content is safe only as far as a sync of that file has
// covered it. That is the strictest case; the system may also have written more, of each file as it came. A sync
// that changes nothing of a file's size need not write the journal, so here it does not.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Operation } from "./disk-trace";
import type { Random } from "./random";

type Change = Extract<Operation, { kind: "write" | "truncate" }>;
type Naming = Exclude<Operation, Change | { kind: "sync" }>;

class TracedFile {
  readonly changes: Change[] = [];
  /** So many of them are safe. */
  safe = 0;
  #size = 0;
  /** It has grown since the last sync. */
  hasNewSize = true;

  add(change: Change): void {
    const end = change.kind === "write" ? change.offset + change.data.length : change.length;
    if (change.kind === "truncate" || end > this.#size) {
      this.#size = end;
      this.hasNewSize = true;
    }
    this.changes.push(change);
  }
}

/** A file or, as a name leads to no file, a folder. */
type Names = Map<string, TracedFile | undefined>;

export class PowerCut {
  /** As the process saw them. */
  readonly #names: Names = new Map();
  readonly #namings: { readonly naming: Naming; readonly file: TracedFile | undefined }[] = [];
  /** So many of these are safe. */
  #safeNamings = 0;

  /** At that moment, in seconds since 1970; the operations are those of `readTrace`. */
  constructor(operations: readonly Operation[], moment: number) {
    for (const operation of operations) {
      if (operation.start > moment) break;
      if (operation.kind === "sync") {
        if (operation.end <= moment) this.#sync(operation);
      } else if (operation.kind === "write" || operation.kind === "truncate") {
        // One that has no name any more leaves nothing.
        this.#names.get(operation.path)?.add(operation);
      } else {
        const file = this.#fileOf(operation);
        this.#namings.push({ naming: operation, file });
        apply(operation, file, this.#names);
      }
    }
  }

  /** Writes what it leaves below `from` into the folder `to`. With `random`, the system has written more. */
  async leave(from: string, to: string, random?: Random): Promise<void> {
    const names: Names = new Map();
    const more = random?.below(this.#namings.length - this.#safeNamings + 1) ?? 0;
    for (const { naming, file } of this.#namings.slice(0, this.#safeNamings + more)) {
      apply(naming, file, names);
    }
    await mkdir(to, { recursive: true });
    for (const [name, file] of names) {
      if (!name.startsWith(`${from}/`)) continue;
      const target = path.join(to, path.relative(from, name));
      if (file) await writeFile(target, contentOf(file, random));
      else await mkdir(target, { recursive: true });
    }
  }

  #fileOf(naming: Naming): TracedFile | undefined {
    if (naming.kind !== "create") return this.#names.get(naming.path);
    return this.#names.get(naming.path) ?? new TracedFile();
  }

  #sync({ path: name, start }: Operation & { kind: "sync" }): void {
    const file = this.#names.get(name);
    if (file) {
      while ((file.changes[file.safe]?.end ?? Number.POSITIVE_INFINITY) <= start) file.safe += 1;
      if (!file.hasNewSize) return;
      file.hasNewSize = false;
    }
    while ((this.#namings[this.#safeNamings]?.naming.end ?? Number.POSITIVE_INFINITY) <= start) {
      this.#safeNamings += 1;
    }
  }
}

function apply(naming: Naming, file: TracedFile | undefined, names: Names): void {
  switch (naming.kind) {
    case "create":
      names.set(naming.path, file);
      return;
    case "make folder":
      names.set(naming.path, undefined);
      return;
    case "remove":
      names.delete(naming.path);
      return;
    case "link":
      names.set(naming.to, file);
      return;
    case "rename":
      for (const [name, each] of [...names]) {
        if (name !== naming.path && !name.startsWith(`${naming.path}/`)) continue;
        names.delete(name);
        names.set(naming.to + name.slice(naming.path.length), each);
      }
  }
}

function contentOf({ changes, safe }: TracedFile, random: Random | undefined): Buffer {
  const count = safe + (random?.below(changes.length - safe + 1) ?? 0);
  const made = changes.slice(0, count);
  const next = changes[count];
  if (random && next?.kind === "write") {
    made.push({ ...next, data: next.data.subarray(0, random.below(next.data.length)) });
  }
  let content = Buffer.alloc(0);
  let size = 0;
  for (const change of made) {
    if (change.kind === "truncate") {
      size = change.length;
      continue;
    }
    const end = change.offset + change.data.length;
    if (end > content.length) {
      content = Buffer.concat([content.subarray(0, size), Buffer.alloc(2 * end - size)]);
    }
    change.data.copy(content, change.offset);
    size = Math.max(size, end);
  }
  return content.subarray(0, size);
}
