/** Days of all campaigns together, one for each day of the calendar, also where nothing happened. */
import { beijingDay } from "../moments";
import type { Day } from "../types";

export type DayTotal = {
  day: string;
  quoted: number;
  opened: number;
  formed: number;
  failed: number;
  locked: number;
  paid: number;
  paidAndFormed: number;
  /** Of the teams that ended, how many had filled, in basis points; null if none ended. */
  fillRateBp: number | null;
  /** The campaigns' medians, weighted by the teams that formed; null if none did. */
  minutesToForm: number | null;
  revenueFen: number;
  savedFen: number;
};

export function daysTogether(days: readonly Day[], calendar: readonly string[]): DayTotal[] {
  return calendar.map((day) =>
    together(
      day,
      days.filter((one) => one.day === day),
    ),
  );
}

/** The last so many days in Beijing, today the last. */
export function lastDays(count: number, now: Date): string[] {
  return Array.from({ length: count }, (_, index) => beijingDay(now, index - count + 1));
}

function together(day: string, of: readonly Day[]): DayTotal {
  const sum = (field: (one: Day) => number) => of.reduce((total, one) => total + field(one), 0);
  const formed = sum((one) => one.teams_formed);
  const failed = sum((one) => one.teams_failed);
  const seconds = sum((one) => (one.median_seconds_to_form ?? 0) * one.teams_formed);
  return {
    day,
    quoted: sum((one) => one.quotes),
    opened: sum((one) => one.teams_opened),
    formed,
    failed,
    locked: sum((one) => one.seats_locked),
    paid: sum((one) => one.seats_paid),
    paidAndFormed: sum((one) => one.seats_formed),
    fillRateBp: formed + failed ? Math.floor((formed * 10_000) / (formed + failed)) : null,
    minutesToForm: formed ? Math.round(seconds / formed / 6) / 10 : null,
    revenueFen: sum((one) => one.revenue_fen),
    savedFen: sum((one) => one.saved_fen),
  };
}
