import { expect, test } from "vitest";
import { consequencesOf } from "@/console/switches/consequences";

const BOARD = {
  downgraded: false,
  rollout_percent: 100,
  blocked: [{ source: "s01", channel: "c01" }],
  locks_per_minute: 30,
  quotes_per_second: 200,
};

test("each switch that turns says what will happen", () => {
  const after = {
    ...BOARD,
    downgraded: true,
    rollout_percent: 50,
    blocked: [{ source: "s02", channel: "c01" }],
  };
  expect(consequencesOf(BOARD, after)).toEqual([
    "降级：打开。所有买家马上看不到拼团。",
    "切量：100% → 50%，约 50% 的买家看得到拼团。",
    "s02 / c01 不再能拼团。",
    "s01 / c01 恢复拼团。",
  ]);
});

test("what is the same says nothing", () => {
  expect(consequencesOf(BOARD, { ...BOARD, blocked: [...BOARD.blocked] })).toEqual([]);
});
