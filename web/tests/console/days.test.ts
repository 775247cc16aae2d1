import { expect, test } from "vitest";
import { daysTogether, lastDays } from "@/console/today/days";
import type { Day } from "@/console/types";

function aDay(changes: Partial<Day>): Day {
  return {
    day: "2026-05-01",
    campaign_id: "1",
    campaign_name: "一",
    quotes: 0,
    teams_opened: 0,
    teams_formed: 0,
    teams_failed: 0,
    seats_locked: 0,
    seats_paid: 0,
    seats_formed: 0,
    fill_rate_bp: null,
    median_seconds_to_form: null,
    revenue_fen: 0,
    saved_fen: 0,
    ...changes,
  };
}

test("campaigns are added up, and the larger weighs more", () => {
  const days = [
    aDay({
      quotes: 7,
      teams_formed: 3,
      teams_failed: 1,
      median_seconds_to_form: 600,
      revenue_fen: 100,
      saved_fen: 10,
    }),
    aDay({ campaign_id: "2", quotes: 5, teams_formed: 1, median_seconds_to_form: 3_000, revenue_fen: 50 }),
  ];
  expect(daysTogether(days, ["2026-05-01"])).toMatchObject([
    { quoted: 12, formed: 4, failed: 1, fillRateBp: 8_000, minutesToForm: 20, revenueFen: 150, savedFen: 10 },
  ]);
});

test("a day on which nothing happened is there, and has no rate", () => {
  const [quiet] = daysTogether([aDay({ day: "2026-05-02", teams_opened: 1 })], ["2026-05-01", "2026-05-02"]);
  expect(quiet).toMatchObject({ day: "2026-05-01", opened: 0, fillRateBp: null, minutesToForm: null });
});

test("the last days end today in Beijing", () => {
  expect(lastDays(3, new Date("2026-05-01T16:30:00Z"))).toEqual(["2026-04-30", "2026-05-01", "2026-05-02"]);
});
