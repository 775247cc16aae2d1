import { expect, test } from "vitest";
import { blankCampaign, bodyOf, formOf } from "@/console/campaigns/form";
import type { Campaign } from "@/console/types";

const NOW = new Date("2026-05-01T08:25:00Z");
const FILLED = { ...blankCampaign(NOW), name: " 秋日拼团 ", discount: "d1" };

test("a blank form runs a week from the last full hour, and is not to be saved", () => {
  expect(blankCampaign(NOW)).toMatchObject({
    starts: "2026-05-01T08:00:00.000Z",
    ends: "2026-05-08T08:00:00.000Z",
  });
  expect(bodyOf(blankCampaign(NOW))).toBeNull();
});

test("a filled form is a body", () => {
  expect(bodyOf(FILLED)).toMatchObject({ name: "秋日拼团", terms: { discount_id: "d1", audience: null } });
});

test("an audience that limits nothing, or a number that is none, is not to be saved", () => {
  expect(bodyOf({ ...FILLED, segment: "vip", limitsSee: false, limitsJoin: false })).toBeNull();
  expect(bodyOf({ ...FILLED, segment: "vip", limitsSee: true })?.terms.audience).toEqual({
    segment_id: "vip",
    limits_see: true,
    limits_join: true,
  });
  expect(bodyOf({ ...FILLED, seats: null })).toBeNull();
  expect(bodyOf({ ...FILLED, holdMinutes: 0 })).toBeNull();
});

test("a campaign goes through the form unchanged", () => {
  const campaign: Campaign = {
    id: "100123",
    name: "秋日拼团",
    status: "live",
    starts_at: "2026-05-01T08:00:00Z",
    ends_at: "2026-05-02T08:00:00Z",
    created_at: "2026-05-01T08:00:00Z",
    terms: {
      id: "t1",
      seats_target: 5,
      take_limit: 2,
      team_minutes: 60,
      hold_minutes: 15,
      audience: { segment_id: "vip", limits_see: true, limits_join: false },
    },
    discount: {
      id: "d1",
      name: "八折",
      plan: "percent",
      off_fen: 0,
      over_fen: 0,
      rate_bp: 8_000,
      price_fen: 0,
      segment_id: null,
    },
    preview: null,
  };
  expect(bodyOf(formOf(campaign))).toEqual({
    name: campaign.name,
    starts_at: campaign.starts_at,
    ends_at: campaign.ends_at,
    terms: {
      discount_id: "d1",
      seats_target: 5,
      take_limit: 2,
      team_minutes: 60,
      hold_minutes: 15,
      audience: campaign.terms.audience,
    },
    reason: "",
  });
});
