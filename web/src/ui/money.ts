/** Fen to yuan text, by integer arithmetic only. */
export function yuan(fen: number): string {
  const sign = fen < 0 ? "-" : "";
  const { whole, fraction } = yuanParts(Math.abs(fen));
  return `${sign}¥${whole}${fraction && `.${fraction}`}`;
}

/** The two halves of an amount, so that the fraction can be set smaller; `.00` is left out. */
export function yuanParts(fen: number): { whole: string; fraction: string } {
  if (!Number.isSafeInteger(fen)) throw new RangeError(`not an amount in fen: ${fen}`);
  const rest = fen % 100;
  const whole = ((fen - rest) / 100).toString();
  return { whole, fraction: rest === 0 ? "" : rest.toString().padStart(2, "0") };
}
