// Who has a folder open in this process: LevelDB opens a database once, and a second attempt would fail for good.

/** Each resolves when the folder is free again. */
const taken = new Map<string, Promise<void>>();
/** How many wait for each. */
const waiting = new Map<string, number>();

/** Milliseconds: whoever looks at a folder lets go of it sooner. After that LevelDB itself says that it is in use. */
const PATIENCE = 60_000;

/** Resolves when nobody else has the folder, or waiting has no end, with what to call when it is free again. */
export async function takeFolder(folder: string, patience = PATIENCE): Promise<() => void> {
  const deadline = performance.now() + patience;
  for (let free = taken.get(folder); free; free = taken.get(folder)) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    waiting.set(folder, (waiting.get(folder) ?? 0) + 1);
    await within(left, free);
    waiting.set(folder, (waiting.get(folder) ?? 0) - 1);
  }
  let release: () => void = () => undefined;
  const free = new Promise<void>((resolve) => {
    release = () => {
      if (taken.get(folder) === free) taken.delete(folder);
      resolve();
    };
  });
  taken.set(folder, free);
  return release;
}

/** Resolves with the promise, or when so many milliseconds are over. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

export function isTaken(folder: string): boolean {
  return taken.has(folder);
}

/** Whether somebody waits for it. */
export function isAwaited(folder: string): boolean {
  return (waiting.get(folder) ?? 0) > 0;
}
