// Why a sandbox cannot do what it was asked to.

export type SandboxErrorCode = "PORT_TAKEN" | "LISTEN_FAILED" | "NOT_RUNNING";

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
}
