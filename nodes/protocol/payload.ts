// What a flow gets of a received payload, by the datatype that its node asks for.
import { excerpt, M1Error } from "./errors";
import type { Datatype } from "./settings";
import { utf8Text } from "./utf8";

/**
 * - `auto-detect`: parsed JSON, or else a string, or else (not UTF-8) a Buffer
 * - `json`: parsed JSON; throws PAYLOAD_NOT_JSON
 * - `utf8`: a string; bytes that are not UTF-8 become U+FFFD
 * - `buffer`, `base64`: the bytes as they came
 */
export function decodePayload(bytes: Buffer, datatype: Datatype): unknown {
  switch (datatype) {
    case "buffer":
      return bytes;
    case "base64":
      return bytes.toString("base64");
    case "utf8":
      return bytes.toString("utf8");
    case "json":
      return parse(bytes);
    case "auto-detect":
      return detect(bytes);
  }
}

function parse(bytes: Buffer): unknown {
  const text = utf8Text(bytes);
  if (text === undefined) throw new M1Error("PAYLOAD_NOT_UTF8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new M1Error("PAYLOAD_NOT_JSON", { value: excerpt(text) }, { cause });
  }
}

function detect(bytes: Buffer): unknown {
  const text = utf8Text(bytes);
  if (text === undefined) return bytes;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
