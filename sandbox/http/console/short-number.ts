// Numbers for the eye: six digits tell enough, but no digit before the point is made a zero.

/** `15.000048967` is 15, `0.1234567` is 0.123457, `1234567.8` is 1234568. */
export function shortNumber(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value;
  const digits = Math.trunc(Math.abs(value)).toString().length;
  return Number(value.toPrecision(Math.max(6, digits)));
}
