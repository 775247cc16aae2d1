import { expect, test } from "vitest";
import type { Team } from "@/api/types";
import { withProgress, type Progress } from "@/shop/live-teams";

const team = {
  id: "t1",
  status: "forming",
  seats_target: 2,
  seats_taken: 1,
  seats_settled: 1,
  mine: true,
} as Team;
const heard = { id: "t1", status: "forming", seats_target: 2, seats_taken: 2, seats_settled: 1 } as Progress;

test("what was heard is newer than what the page was loaded with", () => {
  expect(withProgress(team, heard)).toMatchObject({ seats_taken: 2, mine: true });
  expect(withProgress(team, undefined)).toBe(team);
});

test("a formed team is not made forming again by an older word", () => {
  const formed: Team = { ...team, status: "formed", seats_taken: 2, seats_settled: 2 };
  expect(withProgress(formed, heard)).toBe(formed);
});
