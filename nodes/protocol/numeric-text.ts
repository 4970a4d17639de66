// Text that is a number, as sensors, serial ports and MQTT deliver it.

/** A JSON number, with the white space around it that JSON allows: sign, whole part, fraction, exponent. */
const JSON_NUMBER = /^[ \t\r\n]*(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?[ \t\r\n]*$/;

/**
 * The number that the text states, if it is a JSON number whose value a double keeps; else undefined.
 * `007` and `21,5` are no JSON numbers; `356938035643809123` would change, and `1e999` be infinite.
 */
export function numberOfText(text: string): number | undefined {
  const stated = decimal(text);
  if (stated === undefined) return undefined;
  const number = Number(text);
  return decimal(String(number)) === stated ? number : undefined;
}

/** One text for each value: significant digits and the power of ten of the last, `215e-1` for 21.50. */
function decimal(text: string): string | undefined {
  const [, sign, whole = "", fraction = "", exponent = "0"] = JSON_NUMBER.exec(text) ?? [];
  if (whole === "") return undefined;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${power}`;
}
