// What LevelDB and the disk report, as errors of the outbox.
import { M1Error } from "../protocol/errors";

/** What the system says, at the end of the message, when it is not the files that are at fault. */
const SURROUNDINGS =
  /(permission|not permitted|read-only|no space|quota|too large|too many|cannot allocate)[^:]*$/i;

/**
 * LevelDB could not make sense of its files: by its own verdict, or as files are missing, too short or folders
 * where a name or a number has changed. It stands in the cause of the error that opening throws.
 */
export function isDamage(error: unknown): boolean {
  const { code, message = "" } = ((error as Error).cause ?? error) as { code?: string } & Error;
  if (code === "LEVEL_IO_ERROR") return !SURROUNDINGS.test(message);
  return code === "LEVEL_CORRUPTION" || /^Invalid argument:/.test(message);
}

/** OUTBOX_UNUSABLE with the reason, unless it is an M1Error already. */
export function unusable(error: unknown): M1Error {
  if (error instanceof M1Error) return error;
  return new M1Error("OUTBOX_UNUSABLE", { reason: reasonOf(error) }, { cause: error });
}

/**
 * OUTBOX_NOT_LOADED: LevelDB is a native module, and there may be none for this machine. Of the reason the
 * first line: the others hold paths, which Node.js looked at.
 */
export function notLoaded(error: unknown): M1Error {
  const [reason = ""] = reasonOf(error).split("\n");
  const machine = `${process.platform}-${process.arch}`;
  return new M1Error("OUTBOX_NOT_LOADED", { machine, reason }, { cause: error });
}

export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
