// What an object is, in whatever realm it was made: Function nodes have their own.

/** `Date`, `Map`, … */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** What its class is called. */
export function className(value: object): string {
  return value.constructor?.name || tagOf(value);
}

/** A Date, String, Number… is an object to JavaScript and a single value to JSON. */
export const SCALAR_TAGS: ReadonlySet<string> = new Set([
  "Date",
  "String",
  "Number",
  "Boolean",
  "BigInt",
]);

/** Objects whose content is no property of theirs: JSON would make `{}` of them. */
export const OPAQUE_TAGS: ReadonlySet<string> = new Set([
  "Map",
  "Set",
  "WeakMap",
  "WeakSet",
  "WeakRef",
  "Promise",
  "ArrayBuffer",
  "SharedArrayBuffer",
  "Error",
  "RegExp",
  "Symbol",
]);
