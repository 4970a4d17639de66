// Node-RED 4.0 tells Catch nodes an error's text, but not its code; here the code is noted when a node reports it.
import { nodeRedRequire, version } from "./release";

type Report = (this: unknown, error: unknown, message?: unknown) => void;

const codes = new Map<string, string>();

if (version.startsWith("4.0.")) {
  const { prototype } = nodeRedRequire("@node-red/runtime/lib/nodes/Node") as {
    prototype: { error: Report };
  };
  const { error: report } = prototype;
  prototype.error = function (error, message) {
    const { code } = Object(error) as { code?: string };
    if (code !== undefined) codes.set(String(error), code);
    report.call(this, error, message);
  };
}

/** A caught error with its code, on every release. */
export function withCode<Told extends { message: string; code?: string }>(error: Told): Told {
  const code = error.code ?? codes.get(error.message);
  return code === undefined ? error : { ...error, code };
}
