// What a process asks of the files below a folder, and when, as strace sees it.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const CALLS = [
  ...["openat", "write", "writev", "pwrite64", "pwritev", "ftruncate", "fallocate"],
  ...["fsync", "fdatasync", "sync_file_range", "copy_file_range", "sendfile"],
  ...["mkdir", "rmdir", "rename", "renameat2", "unlink", "unlinkat", "link", "linkat"],
];

/** A command that replaces itself by the one that follows it (NodeRed's `Launch`), and writes the trace. */
export function traced(file: string, inject: readonly string[] = []): readonly string[] {
  return [
    // The tracer is not the parent of what it traces, so signals and the exit code are the process's own.
    ...["strace", "-D", "-f", "--seccomp-bpf", "-ttt", "-T", "-y"],
    ...["--strings-in-hex=non-ascii-chars", "-s", "100000000", "-e", `trace=${CALLS.join()}`],
    ...inject.flatMap((rule) => ["-e", `inject=${rule}`]),
    ...["-o", file, "--"],
  ];
}

interface Times {
  /** Seconds since 1970 when it was asked for, and when it was answered. */
  readonly start: number;
  readonly end: number;
}

export type Operation = Times &
  (
    | { readonly kind: "create" | "make folder" | "remove"; readonly path: string }
    | { readonly kind: "rename" | "link"; readonly path: string; readonly to: string }
    | {
        readonly kind: "write";
        readonly path: string;
        readonly offset: number;
        readonly data: Buffer;
      }
    | { readonly kind: "truncate"; readonly path: string; readonly length: number }
    | { readonly kind: "sync"; readonly path: string }
  );

const PREFIX = /^(\d+) +(\d+\.\d+) /;
const UNFINISHED = " <unfinished ...>";
const RESUMED = /^<\.\.\. \w+ resumed>/;
const ANSWERED = / = (-?\d+)(?:<(.*)>)?(?: [A-Z].*)? <(\d+\.\d+)>$/;
/** A descriptor with its path. */
const FILE = /^(\d+)<([^>]*)>/;
const TEXT = /"((?:[^"\\]|\\.)*)"/g;

/**
 * The operations below the folder that succeeded, in the order in which they were asked for. To be called when
 * the process has ended. Throws at a call that changes a file there in a way that is not known here.
 */
export async function readTrace(file: string, folder: string): Promise<Operation[]> {
  await isComplete(file);
  const operations: Operation[] = [];
  const unfinished = new Map<string, { start: number; text: string }>();
  const reader = new CallReader();
  const lines = createInterface({ input: createReadStream(file, "latin1") });
  for await (const line of lines) {
    const [prefix = "", thread = "", stamp] = PREFIX.exec(line) ?? [];
    let start = Number(stamp);
    let text = line.slice(prefix.length);
    if (text.endsWith(UNFINISHED)) {
      unfinished.set(thread, { start, text: text.slice(0, -UNFINISHED.length) });
      continue;
    }
    const [resumed = ""] = RESUMED.exec(text) ?? [];
    if (resumed) {
      const begun = unfinished.get(thread);
      if (!begun) continue;
      text = begun.text + text.slice(resumed.length);
      start = begun.start;
    }
    if (text.includes(folder)) operations.push(...reader.read(text, start));
  }
  return operations.sort((one, other) => one.start - other.start);
}

class CallReader {
  /** Where the next plain write to a descriptor goes. */
  readonly #positions = new Map<string, number>();

  read(call: string, start: number): Operation[] {
    const [answer = "", result = "-1", , seconds] = ANSWERED.exec(call.slice(-600)) ?? [];
    if (Number(result) < 0) return [];
    const times = { start, end: start + Number(seconds) };
    const name = call.slice(0, call.indexOf("("));
    const given = call.slice(name.length + 1, call.length - answer.length);
    const [, descriptor = "", path = ""] = FILE.exec(given) ?? [];
    const texts = () => [...given.matchAll(TEXT)].map(([, text = ""]) => unescaped(text));
    const [first = "", second = ""] = /^(write|pwrite64)$/.test(name) ? [] : texts();
    switch (name) {
      case "openat": {
        this.#positions.set(result, 0);
        if (!given.includes("O_CREAT")) return [];
        const created: Operation = { kind: "create", path: first, ...times };
        if (!given.includes("O_TRUNC")) return [created];
        return [created, { kind: "truncate", path: first, length: 0, ...times }];
      }
      case "write":
      case "pwrite64": {
        const isPlain = name === "write";
        const [text = ""] = texts();
        const data = Buffer.from(text, "latin1").subarray(0, Number(result));
        const next = this.#positions.get(descriptor) ?? 0;
        const offset = isPlain ? next : Number(/, (\d+)\)$/.exec(given)?.[1]);
        if (isPlain) this.#positions.set(descriptor, next + data.length);
        return [{ kind: "write", path, offset, data, ...times }];
      }
      case "ftruncate":
        return [
          {
            kind: "truncate",
            path,
            length: Number(/, (\d+)\)$/.exec(given)?.[1]),
            ...times,
          },
        ];
      case "fsync":
      case "fdatasync":
        return [{ kind: "sync", path, ...times }];
      case "mkdir":
        return [{ kind: "make folder", path: first, ...times }];
      case "unlink":
      case "rmdir":
        return [{ kind: "remove", path: first, ...times }];
      case "rename":
      case "link":
        return [{ kind: name, path: first, to: second, ...times }];
      default:
        throw new Error(`not known: ${call.slice(0, 300)}`);
    }
  }
}

/** Of strace's escapes; one byte is one character. */
function unescaped(text: string): string {
  const letters: Record<string, string> = { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f" };
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex?: string, letter = "") =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (letters[letter] ?? letter),
  );
}

/** Its last line tells of the end of the process. */
async function isComplete(file: string): Promise<void> {
  const handle = await open(file);
  try {
    for (;;) {
      const { size } = await handle.stat();
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(200), 0, 200, size - 200);
      const end = buffer.toString("latin1", 0, bytesRead);
      if (/\+\+\+ (exited|killed) .*\n$/.test(end)) return;
      await pause(20);
    }
  } finally {
    await handle.close();
  }
}
