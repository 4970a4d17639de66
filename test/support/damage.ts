// One fault in one file of a folder, as a bad disk, a cut or a careless hand leaves it.
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Random } from "./random";

const SECTOR = 4_096;

type Change = (content: Buffer, random: Random, other: Buffer) => Buffer | undefined;

const FAULTS: Readonly<Record<string, Change>> = {
  "a flipped bit": (content, random) => {
    const changed = Buffer.from(content);
    const at = random.below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    return changed;
  },
  "a sector of zeros": (content, random) => overwritten(content, random, Buffer.alloc(SECTOR)),
  "a sector of rubbish": (content, random) => {
    const rubbish = Buffer.from(Array.from({ length: SECTOR }, () => random.below(256)));
    return overwritten(content, random, rubbish);
  },
  "an end that is missing": (content, random) => content.subarray(0, random.below(content.length)),
  "nothing in it": () => Buffer.alloc(0),
  "no file": () => undefined,
  "another file's content": (_content, _random, other) => other,
  "an end that is there twice": (content, random) =>
    Buffer.concat([content, content.subarray(random.below(content.length))]),
};

/** Does one to any file; resolves with what it did. */
export async function damage(folder: string, random: Random): Promise<string> {
  const names = (await readdir(folder)).filter((name) => !/^LOG/.test(name)).sort();
  const sizes = await Promise.all(
    names.map(async (name) => (await readFile(path.join(folder, name))).length),
  );
  const filled = names.filter((_name, index) => (sizes[index] ?? 0) > 0);
  const name = random.pick(filled);
  const fault = random.pick(Object.keys(FAULTS));
  const file = path.join(folder, name);
  const other = await readFile(path.join(folder, random.pick(filled)));
  const changed = FAULTS[fault]?.(await readFile(file), random, other);
  if (changed === undefined) {
    await rm(file);
  } else {
    // A new file: the old one may have a second name.
    await writeFile(`${file}.new`, changed);
    await rename(`${file}.new`, file);
  }
  return `${name}: ${fault}`;
}

function overwritten(content: Buffer, random: Random, piece: Buffer): Buffer {
  const changed = Buffer.from(content);
  piece.copy(changed, random.below(changed.length) & ~(SECTOR - 1));
  return changed;
}
