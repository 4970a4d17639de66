// Who has a folder open in this process: LevelDB opens a database once, and a second attempt would fail for good.

/** Each resolves when the folder is free again. */
const taken = new Map<string, Promise<void>>();
/** How many wait for each. */
const waiting = new Map<string, number>();

/** Resolves when nobody else has the folder, with what to call when it is free again; at once if it is. */
export async function takeFolder(folder: string): Promise<() => void> {
  for (let free = taken.get(folder); free; free = taken.get(folder)) {
    waiting.set(folder, (waiting.get(folder) ?? 0) + 1);
    await free;
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

export function isTaken(folder: string): boolean {
  return taken.has(folder);
}

/** Whether somebody waits for it. */
export function isAwaited(folder: string): boolean {
  return (waiting.get(folder) ?? 0) > 0;
}
