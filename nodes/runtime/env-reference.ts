// `${NAME}` as the whole of a setting: Node-RED replaces it, and leaves it alone if NAME is not set.

const REFERENCE = /^\$\{(\S+)\}$/;

/** The name in `${NAME}`; undefined for any other value. */
export function envReference(value: unknown): string | undefined {
  return typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
}
