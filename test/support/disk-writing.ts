// How LevelDB writes, for tests in which the disk fails or is slow.
import { ClassicLevel } from "classic-level";

/** What `ClassicLevel` inherits from: a function of its own would hide from others what they put here. */
const { prototype } = Object.getPrototypeOf(ClassicLevel) as typeof ClassicLevel;
const { batch } = prototype;

type Write = (this: ClassicLevel, ...operations: []) => Promise<void>;

/** As it is without any of these. */
export const write = batch as unknown as Write;

/** From now on it writes like that, whoever does. */
export function writeBy(other: Write): void {
  prototype.batch = other as unknown as typeof batch;
}

/** From now on every write fails. */
export function failWrites(): void {
  writeBy(() => Promise.reject(new Error("no space left on device")));
}

export function restoreWrites(): void {
  prototype.batch = batch;
}
