/** Moments as operators read and type them: Beijing's, wherever this browser thinks it is. */

// China keeps one time, and no summer time.
const OFFSET = "+08:00";

const PARTS = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Asia/Shanghai",
  dateStyle: "short",
  timeStyle: "medium",
});

/** `2026-05-01 08:00:00` in Beijing. */
export function beijing(utc: string): string {
  return PARTS.format(new Date(utc));
}

/** To the minute, and without the year while it is the same: `05-01 08:00`. */
export function beijingShort(utc: string, now: Date): string {
  const text = beijing(utc);
  return text.slice(text.startsWith(PARTS.format(now).slice(0, 5)) ? 5 : 0, 16);
}

/** The moment that a clock in Beijing calls so. */
export function utcOf(beijingText: string): string {
  return new Date(`${beijingText.replace(" ", "T")}${OFFSET}`).toISOString();
}

/** The day it is in Beijing, some days from now: `2026-05-01`. */
export function beijingDay(now: Date, daysFromNow = 0): string {
  return PARTS.format(new Date(now.getTime() + daysFromNow * 86_400_000)).slice(0, 10);
}
