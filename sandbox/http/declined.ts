// A refusal with the HTTP status that says so.
import { type ErrorDetails, excerpt } from "../../nodes/protocol/errors";
import { Refused, type RefusedReason } from "../cloud/refusal";

export class Declined extends Error {
  readonly status: number;
  readonly refused: Refused;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, refused: Refused, headers: Readonly<Record<string, string>> = {}) {
    super(refused.message);
    this.name = "Declined";
    this.status = status;
    this.refused = refused;
    this.headers = headers;
  }

  static because(status: number, reason: RefusedReason, details: ErrorDetails = {}): Declined {
    return new Declined(status, Refused.because(reason, details));
  }

  /** An error of the wire contract with a status; any other error is a fault of ours and thrown. */
  static from(status: number, error: unknown): Declined {
    return new Declined(status, Refused.from(error));
  }

  static unknownPath(path: string): Declined {
    return Declined.because(404, "PATH_UNKNOWN", { path: excerpt(path) });
  }

  static method(path: string, method: string, allowed: readonly string[]): Declined {
    const details = { path, allowed: new Intl.ListFormat("en").format(allowed), method };
    return new Declined(405, Refused.because("METHOD", details), { allow: allowed.join(", ") });
  }
}
