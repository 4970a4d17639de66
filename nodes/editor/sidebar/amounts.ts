// Numbers as the editor's language writes them.

const formats = new Map<string, Intl.NumberFormat>();

/** 1,234 */
export function number(value: number): string {
  return formatted(value, {});
}

/** Of bytes: 231 B, 4.2 kB, 13 MB. */
export function size(bytes: number): string {
  const [unit, divisor] = unitOf(bytes);
  const value = bytes / divisor;
  const maximumFractionDigits = value < 10 && divisor > 1 ? 1 : 0;
  // In English, the short form of a byte is not B, and the narrow one has no space before it.
  const unitDisplay = unit === "byte" ? "narrow" : "short";
  const text = formatted(value, { style: "unit", unit, unitDisplay, maximumFractionDigits });
  return text.replace(/(\d)(\p{L})/u, "$1\u00a0$2");
}

/** How much of a duration's unit: 3 min. */
export function inUnit(value: number, unit: string): string {
  return formatted(value, { style: "unit", unit, unitDisplay: "short" });
}

function unitOf(bytes: number): [unit: string, divisor: number] {
  if (bytes < 1_000) return ["byte", 1];
  return bytes < 999_500 ? ["kilobyte", 1_000] : ["megabyte", 1_000_000];
}

/** Formats are slow to make, and asked for twice a second. */
function formatted(value: number, options: Intl.NumberFormatOptions): string {
  const language = RED.i18n.lang();
  const key = `${language} ${Object.values(options)}`;
  const format = formats.get(key) ?? new Intl.NumberFormat(language, options);
  formats.set(key, format);
  return format.format(value);
}
