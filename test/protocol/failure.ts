// What the tests of the protocol share to look at the errors it throws.
import assert from "node:assert/strict";
import { type ErrorCode, type ErrorDetails, M1Error } from "../../nodes/protocol/errors";

/** The M1Error that the action throws; any other error, or none, fails the test. */
export function failure(action: () => unknown): M1Error {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    if (error instanceof M1Error) return error;
    throw error;
  }
  assert.fail(`nothing was thrown; the result is ${String(result)}`);
}

/** The action throws this code, with at least these details. */
export function refuses(
  action: () => unknown,
  code: ErrorCode,
  details: ErrorDetails = {},
): M1Error {
  const error = failure(action);
  assert.equal(error.code, code, error.message);
  assert.deepEqual({ ...error.details, ...details }, error.details);
  return error;
}

/** Whether the action returned; an error that is no M1Error fails the test. */
export function isAccepted(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof M1Error) return false;
    throw error;
  }
}
