import { expect, test } from "vitest";
import { told } from "@/console/teams/story";
import type { SeatRecord, TeamMoment, TeamStory } from "@/console/types";

const SEAT: SeatRecord = {
  source: "s01",
  channel: "c01",
  out_trade_no: "T1",
  team_id: "team-1",
  campaign_id: "100123",
  goods_id: "tea",
  buyer_id: "b1",
  status: "released",
  list_fen: 100,
  discount_fen: 20,
  payable_fen: 80,
  locked_at: "2026-05-01T08:00:00Z",
  hold_until: "2026-05-01T08:30:00Z",
  paid_at: null,
  given_back_at: "2026-05-01T08:30:02Z",
};

function aMoment(changes: Partial<TeamMoment>): TeamMoment {
  return {
    at: "2026-05-01T08:00:00Z",
    what: "team.opened",
    out_trade_no: null,
    buyer_id: null,
    event_id: null,
    endpoint_id: null,
    status_code: null,
    ...changes,
  };
}

function aStory(timeline: TeamMoment[], changes: Partial<TeamStory["team"]> = {}): TeamStory {
  const team: TeamStory["team"] = {
    id: "team-1",
    campaign_id: "100123",
    source: "s01",
    goods_id: "tea",
    status: "failed",
    seats_target: 3,
    seats_taken: 1,
    seats_settled: 1,
    opener_id: "b1",
    opened_at: "2026-05-01T08:00:00Z",
    closes_at: "2026-05-02T08:00:00Z",
    closed_at: "2026-05-02T08:00:00Z",
    ...changes,
  };
  return { team, seats: [SEAT], timeline };
}

test("a seat released when its hold was over was not paid for; before that, its order was cancelled", () => {
  const released = { what: "seat.released", out_trade_no: "T1", buyer_id: "b1" } as const;
  const [late, early] = told(
    aStory([
      aMoment({ ...released, at: "2026-05-01T08:30:02Z" }),
      aMoment({ ...released, at: "2026-05-01T08:10:00Z" }),
    ]),
  );
  expect(late?.detail).toBe("买家 b1 · 订单号 T1 — 保留时间到了还没有付款");
  expect(early?.detail).toContain("来源取消了订单");
});

test("a team that failed says how many had paid", () => {
  const [failed] = told(aStory([aMoment({ what: "team.failed" })]));
  expect(failed).toMatchObject({ title: "拼团失败", tone: "bad" });
  expect(failed?.detail).toContain("1 / 3");
});

test("a webhook leads to its delivery, and is well only if it was taken", () => {
  const sent = { what: "webhook.sent", event_id: "e1", endpoint_id: "mall" } as const;
  const [taken, refused, silent] = told(
    aStory([
      aMoment({ ...sent, status_code: 204 }),
      aMoment({ ...sent, status_code: 503 }),
      aMoment({ ...sent, status_code: null }),
    ]),
  );
  expect(taken).toMatchObject({ tone: "good", detail: "对方回答 204", to: "/webhooks/e1/mall" });
  expect(refused).toMatchObject({ tone: "bad", detail: "对方回答 503" });
  expect(silent).toMatchObject({ tone: "bad", detail: "对方没有回答" });
});
