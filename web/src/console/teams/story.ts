/** A team's life as moments that an operator reads, each with its reason where its rows tell it. */
import type { Tone } from "../parts/StatusTag.vue";
import type { Told } from "../parts/TimeLine.vue";
import { shortId } from "../short-id";
import type { SeatRecord, TeamMoment, TeamStory } from "../types";
import { words } from "./words";

const TONES: Record<TeamMoment["what"], Tone> = {
  "team.opened": "calm",
  "seat.locked": "wait",
  "seat.settled": "good",
  "team.formed": "good",
  "team.failed": "bad",
  "seat.released": "calm",
  "seat.refunded": "wait",
  "webhook.owed": "calm",
  "webhook.sent": "good",
};

export function told(story: TeamStory): Told[] {
  const seats = new Map(story.seats.map((seat) => [seat.out_trade_no, seat]));
  return story.timeline.map((moment, index) => ({
    key: `${index}`,
    at: moment.at,
    title: words.value.moments[moment.what],
    detail: [who(moment), why(moment, story, seats.get(moment.out_trade_no ?? ""))]
      .filter(Boolean)
      .join(" — "),
    tone: moment.what === "webhook.sent" && !wasTaken(moment.status_code) ? "bad" : TONES[moment.what],
    ...(moment.event_id &&
      moment.endpoint_id && { to: `/webhooks/${moment.event_id}/${moment.endpoint_id}` }),
  }));
}

function who({ out_trade_no, buyer_id }: TeamMoment): string {
  return [
    buyer_id && `${words.value.buyer} ${shortId(buyer_id)}`,
    out_trade_no && `${words.value.number} ${out_trade_no}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function why(moment: TeamMoment, { team }: TeamStory, seat: SeatRecord | undefined): string {
  const { why } = words.value;
  switch (moment.what) {
    case "team.formed":
      return why.formed(team.seats_target);
    case "team.failed":
      return why.failed(team.seats_settled, team.seats_target);
    case "seat.released":
      return seat && moment.at >= seat.hold_until ? why.holdOver : why.released;
    case "seat.refunded":
      return team.status === "failed" ? why.refundFailed : why.refundAsked;
    case "webhook.sent":
      return moment.status_code === null ? why.silent : why.answered(moment.status_code);
    default:
      return "";
  }
}

function wasTaken(statusCode: number | null): boolean {
  return statusCode !== null && statusCode >= 200 && statusCode < 300;
}
