import { expect, test } from "vitest";
import { beijing, beijingDay, beijingShort, utcOf } from "@/console/moments";

test("a moment is Beijing's, whatever the browser's clock", () => {
  expect(beijing("2026-04-30T16:30:15Z")).toBe("2026-05-01 00:30:15");
  expect(utcOf("2026-05-01 00:30:15")).toBe("2026-04-30T16:30:15.000Z");
});

test("the year is said when it is another", () => {
  const now = new Date("2026-12-31T15:00:00Z");
  expect(beijingShort("2026-04-30T16:30:15Z", now)).toBe("05-01 00:30");
  expect(beijingShort("2025-04-30T16:30:15Z", now)).toBe("2025-05-01 00:30");
  expect(beijingShort("2026-12-31T16:30:00Z", now)).toBe("2027-01-01 00:30");
});

test("a day begins at midnight in Beijing", () => {
  expect(beijingDay(new Date("2026-04-30T15:59:59Z"))).toBe("2026-04-30");
  expect(beijingDay(new Date("2026-04-30T16:00:00Z"))).toBe("2026-05-01");
  expect(beijingDay(new Date("2026-04-30T16:00:00Z"), -1)).toBe("2026-04-30");
});
