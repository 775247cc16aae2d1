import { expect, test } from "vitest";
import type { Order, Team } from "@/api/types";
import { orderHeadline } from "@/shop/order-words";
import { duration, localTime, teamHeadline } from "@/shop/words";

const team = (change: Partial<Team> = {}) =>
  ({ status: "forming", seats_target: 3, seats_taken: 1, seats_settled: 1, ...change }) as Team;
const order = (change: Partial<Order>) =>
  ({ kind: "group", payable_fen: 9_000, team: team(), ...change }) as Order;

test("a forming team says how many are missing", () => {
  expect(teamHeadline(team()).title).toBe("还差 2 人成团");
});

test("a full team that is not paid up says whom it waits for", () => {
  expect(teamHeadline(team({ seats_taken: 3, seats_settled: 2 })).detail).toBe("等 1 位团友付款就成团");
});

test("a paid order tells the story of its team", () => {
  expect(orderHeadline(order({ status: "paid" })).title).toBe("还差 2 人成团");
  expect(orderHeadline(order({ status: "paid", team: team({ status: "failed" }) })).title).toBe(
    "这个团没有拼成",
  );
});

test("a paid group order whose team cannot be read does not promise delivery", () => {
  expect(orderHeadline(order({ status: "paid", team: null })).title).toBe("付款成功，等待成团");
});

test("a refund says how much goes back and why", () => {
  const refunding = order({ status: "refunding", team: team({ status: "failed" }) });
  expect(orderHeadline(refunding).detail).toBe("¥90 正在原路退回，因为没有成团");
});

test("times on pages are Beijing's", () => {
  expect(localTime("2026-03-01T16:30:00Z")).toBe("3/2 00:30");
});

test("a team's lifetime reads in its largest whole unit", () => {
  expect([duration(15), duration(120), duration(2880), duration(90), duration(1440)]).toEqual([
    "15 分钟",
    "2 小时",
    "2 天",
    "90 分钟",
    "1 天",
  ]);
});
