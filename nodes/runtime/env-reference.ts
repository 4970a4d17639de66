// `${NAME}` in a setting stands for a variable of the environment, the flow, the group or the subflow. Node-RED replaces
// it where it is the whole value; this is for anywhere in it.

const ANYWHERE = /\$\{([^\s{}]+)\}/g;
const WHOLE = /^\$\{([^\s{}]+)\}$/g;

/** Secrets and data may hold `${` themselves: there only a whole value is a reference. */
const LITERAL: ReadonlySet<string> = new Set(["apiKey", "userPassword", "eventData"]);

/** The value of a variable; undefined if it is not set. */
export type LookUp = (name: string) => unknown;

/** The first name that the value of this field refers to; undefined if there is none. */
export function envReference(value: unknown, field: string): string | undefined {
  if (typeof value !== "string") return undefined;
  const [reference] = value.matchAll(patternOf(field));
  return reference?.[1];
}

/** The value of this field, text or a list of texts, with all references replaced but those to what is not set. */
export function replaceReferences(value: unknown, field: string, lookUp: LookUp): unknown {
  if (Array.isArray(value)) return value.map((item) => replaceReferences(item, field, lookUp));
  if (typeof value !== "string") return value;
  const replaced = (reference: string, name: string) => String(lookUp(name) ?? reference);
  return value.replace(patternOf(field), replaced);
}

function patternOf(field: string): RegExp {
  return LITERAL.has(field) ? WHOLE : ANYWHERE;
}
