import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useClock } from "@/ui/clock";
import { secondsLeft, timeLeft } from "@/ui/countdown";

const NOON = Date.parse("2026-03-01T12:00:00Z");

beforeEach(() => {
  setActivePinia(createPinia());
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => vi.useRealTimers());

test("hours, minutes and seconds within a day", () => {
  expect(timeLeft("2026-03-01T15:04:05Z", NOON)).toBe("03:04:05");
});

test("days appear once more than a day is left", () => {
  expect(timeLeft("2026-03-02T11:59:59Z", NOON)).toBe("23:59:59");
  expect(timeLeft("2026-03-03T13:00:00Z", NOON)).toBe("2天 01:00:00");
});

test("it stops at zero and never shows zero early", () => {
  expect(timeLeft("2026-03-01T11:00:00Z", NOON)).toBe("00:00:00");
  expect(secondsLeft("2026-03-01T12:00:00.200Z", NOON)).toBe(1);
});

test("the server's clock counts, not the device's", () => {
  const clock = useClock();
  clock.observe("2026-03-01T12:10:00Z");
  expect(timeLeft("2026-03-01T12:15:00Z", clock.nowMs)).toBe("00:05:00");

  vi.advanceTimersByTime(60_000);
  clock.tick();
  expect(timeLeft("2026-03-01T12:15:00Z", clock.nowMs)).toBe("00:04:00");
});
