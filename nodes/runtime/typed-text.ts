// How the value of a typed input reads, on the canvas and in errors.

/** `#:(file)::`, the context store before the key. */
const STORE = /^#:\(\S+?\)::/;

/** `msg.payload.id`, `${ID}` for a variable, or the text or expression itself. */
export function typedText(value: string, type: string): string {
  if (type === "msg") return `msg.${value}`;
  if (type === "flow" || type === "global") return `${type}.${value.replace(STORE, "")}`;
  return type === "env" ? `\${${value}}` : value;
}
