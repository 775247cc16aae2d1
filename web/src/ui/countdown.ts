import { t } from "./language";

/** Time left as a buyer reads it: `2天 03:04:05`, `03:04:05`, and `00:00:00` once it is over. */
export function timeLeft(endsAt: string, nowMs: number): string {
  const seconds = secondsLeft(endsAt, nowMs);
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => part.toString().padStart(2, "0"))
    .join(":");
  return days > 0 ? `${t("{n}天", { n: days })} ${clock}` : clock;
}

/** Rounded up, so that zero means over and never "almost". */
export function secondsLeft(endsAt: string, nowMs: number): number {
  return Math.max(0, Math.ceil((Date.parse(endsAt) - nowMs) / 1000));
}
