// Why a sandbox cannot do what it was asked to.

export type SandboxErrorCode =
  | "PORT_TAKEN"
  | "LISTEN_FAILED"
  | "NOT_RUNNING"
  | "DATA_UNUSABLE"
  | "DATA_NOT_LOADED"
  | "DATA_IN_USE"
  | "DATA_FOREIGN"
  | "DATA_FORMAT"
  | "DATA_DAMAGED";

export class SandboxError extends Error {
  readonly code: SandboxErrorCode;

  constructor(code: SandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SandboxError";
    this.code = code;
  }

  /** From the error of a server that could not listen. */
  static cannotListen(error: unknown, host: string, port: number): SandboxError {
    const { code, message } = error as NodeJS.ErrnoException;
    const place = `port ${port} of ${host}`;
    return code === "EADDRINUSE"
      ? new SandboxError("PORT_TAKEN", `Another program listens on ${place}`, { cause: error })
      : new SandboxError("LISTEN_FAILED", `Cannot listen on ${place}: ${message}`, {
          cause: error,
        });
  }

  static notRunning(): SandboxError {
    return new SandboxError("NOT_RUNNING", "The sandbox is not running: start() it first");
  }

  static dataUnusable(folder: string, reason: string, cause: unknown): SandboxError {
    const message = `${folder} cannot keep data: ${reason}; it must be a folder that can be written`;
    return new SandboxError("DATA_UNUSABLE", message, { cause });
  }

  /** LevelDB is a native module. */
  static dataNotLoaded(reason: string, cause: unknown): SandboxError {
    const message = `LevelDB, which keeps the data, cannot be loaded on this machine: ${reason}; without a folder for data the sandbox runs in memory`;
    return new SandboxError("DATA_NOT_LOADED", message, { cause });
  }

  static dataInUse(folder: string, cause: unknown): SandboxError {
    const message = `Another sandbox keeps its data in ${folder}; each needs a folder of its own`;
    return new SandboxError("DATA_IN_USE", message, { cause });
  }

  static dataForeign(folder: string): SandboxError {
    const message = `${folder} has files that are no sandbox's; data is kept in an empty folder, or in one that a sandbox has made`;
    return new SandboxError("DATA_FOREIGN", message);
  }

  static dataFormat(folder: string, found: unknown, known: number): SandboxError {
    const message = `${folder} has data of the format ${JSON.stringify(found)}, and this version of the sandbox knows format ${known}; use the version that wrote it, or another folder`;
    return new SandboxError("DATA_FORMAT", message);
  }

  static dataDamaged(folder: string, reason: string, cause?: unknown): SandboxError {
    const message = `The data in ${folder} is damaged: ${reason}; move the folder away or delete it, and the sandbox begins with an empty one`;
    return new SandboxError("DATA_DAMAGED", message, { cause });
  }
}
