/** Decimal text and whole numbers, by integer arithmetic only: yuan and fen, 折 and basis points. */
const DECIMAL = /^(\d{1,11})(?:\.(\d*))?$/;

/** `12.5` with 2 places is 1250. Null for what is no such number, or has more places. */
export function scaledOf(text: string, places: number): number | null {
  const [, whole, fraction = ""] = DECIMAL.exec(text.trim()) ?? [];
  if (whole === undefined || fraction.length > places) return null;
  return Number(whole + fraction.padEnd(places, "0"));
}

/** The shortest text: 1250 with 2 places is `12.5`. */
export function scaledText(value: number, places: number): string {
  const digits = value.toString().padStart(places + 1, "0");
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  const whole = digits.slice(0, digits.length - places);
  return fraction ? `${whole}.${fraction}` : whole;
}

/** With a minus in front of what is less than nothing. */
export function signedText(value: number, places: number): string {
  return value < 0 ? `-${scaledText(-value, places)}` : scaledText(value, places);
}
