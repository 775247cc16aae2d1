/** The campaign form: what is typed, and the body it becomes. */
import type { Campaign, CampaignBody } from "../types";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export type CampaignForm = {
  name: string;
  starts: string | null;
  ends: string | null;
  discount: string | null;
  seats: number | null;
  takeLimit: number | null;
  teamMinutes: number | null;
  holdMinutes: number | null;
  segment: string | null;
  limitsSee: boolean;
  limitsJoin: boolean;
};

/** From the last full hour, for a week. */
export function blankCampaign(now: Date): CampaignForm {
  const hour = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
  return {
    name: "",
    starts: new Date(hour).toISOString(),
    ends: new Date(hour + 7 * DAY_MS).toISOString(),
    discount: null,
    seats: 3,
    takeLimit: 1,
    teamMinutes: 24 * 60,
    holdMinutes: 30,
    segment: null,
    limitsSee: false,
    limitsJoin: true,
  };
}

export function formOf({ name, starts_at, ends_at, terms, discount }: Campaign): CampaignForm {
  return {
    name,
    starts: starts_at,
    ends: ends_at,
    discount: discount.id,
    seats: terms.seats_target,
    takeLimit: terms.take_limit,
    teamMinutes: terms.team_minutes,
    holdMinutes: terms.hold_minutes,
    segment: terms.audience?.segment_id ?? null,
    limitsSee: terms.audience?.limits_see ?? false,
    limitsJoin: terms.audience?.limits_join ?? true,
  };
}

/** Null while something is missing. */
export function bodyOf(form: CampaignForm): CampaignBody | null {
  const { starts, ends, discount, seats, takeLimit, teamMinutes, holdMinutes, segment } = form;
  if (!form.name.trim() || !starts || !ends || !discount) return null;
  if (!seats || !takeLimit || !teamMinutes || !holdMinutes) return null;
  if (segment && !form.limitsSee && !form.limitsJoin) return null;

  const audience = segment
    ? { segment_id: segment, limits_see: form.limitsSee, limits_join: form.limitsJoin }
    : null;
  return {
    name: form.name.trim(),
    starts_at: starts,
    ends_at: ends,
    terms: {
      discount_id: discount,
      seats_target: seats,
      take_limit: takeLimit,
      team_minutes: teamMinutes,
      hold_minutes: holdMinutes,
      audience,
    },
    reason: "",
  };
}
