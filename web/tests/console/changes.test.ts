import { expect, test } from "vitest";
import { pageOf, split } from "@/console/audit/about";
import { changesOf } from "@/console/audit/changes";

const CAMPAIGN = {
  id: "100123",
  name: "秋日拼团",
  status: "draft",
  ends_at: "2026-05-01T00:00:00Z",
  terms: { id: "t1", seats_target: 3, discount: { id: "d1", plan: "percent", rate_bp: 8_000 } },
};

test("only fields that differ are told, in words and amounts", () => {
  const after = {
    ...CAMPAIGN,
    status: "live",
    terms: {
      id: "t2",
      seats_target: 5,
      discount: { id: "d2", plan: "amount_off", rate_bp: 10_000, off_fen: 1_500 },
    },
  };
  expect(changesOf(CAMPAIGN, after)).toEqual([
    { field: "状态", before: "草稿", after: "已发布" },
    { field: "约定 · 成团人数", before: "3", after: "5" },
    { field: "约定 · 优惠 · 方式", before: "折扣", after: "直减" },
    { field: "约定 · 优惠 · 付原价的", before: "80%", after: "100%" },
    { field: "约定 · 优惠 · 减", before: "—", after: "¥15" },
  ]);
});

test("of something new, all that says something is told", () => {
  expect(changesOf(null, { id: "vera", role: "admin", name: "admin", disabled_at: null })).toEqual([
    { field: "编号", before: "—", after: "vera" },
    { field: "角色", before: "—", after: "管理员" },
    { field: "名称", before: "—", after: "admin" },
  ]);
});

test("lists are one value, and a moment is Beijing's", () => {
  const before = { blocked: [], ends_at: "2026-05-01T00:00:00Z", downgraded: false };
  const after = { blocked: [["s01", "c01"]], ends_at: "2026-05-02T00:00:00Z", downgraded: true };
  expect(changesOf(before, after)).toEqual([
    { field: "黑名单", before: "—", after: "s01 / c01" },
    { field: "结束", before: "2026-05-01 08:00:00", after: "2026-05-02 08:00:00" },
    { field: "降级", before: "否", after: "是" },
  ]);
});

test("nothing changed is nothing told", () => {
  expect(changesOf(CAMPAIGN, { ...CAMPAIGN })).toEqual([]);
  expect(changesOf(null, null)).toEqual([]);
});

test("what a record is about leads to its page where it has one", () => {
  expect(pageOf("campaign:100123")).toBe("/campaigns/100123");
  expect(pageOf("delivery:e1/mall")).toBe("/webhooks/e1/mall");
  expect(pageOf("switches")).toBe("/switches");
  expect(pageOf("discount:d1")).toBeNull();
  expect(split("order:26:1")).toEqual(["order", "26:1"]);
});
