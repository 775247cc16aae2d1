/** What the states of teams, and times, are called in front of a buyer. */
import type { Team } from "@/api/types";
import { language, t } from "@/ui/language";

export type Headline = { title: string; detail: string; tone: "wait" | "good" | "calm" };

export const BUYING_STEPS = ["选商品，开团或参团", "付款后邀请好友", "人齐成团，安排发货"];
export const REFUND_PROMISE = "时间到了人还没齐，系统自动全额退款，原路退回，一分不少。";

export function seatsLeft(team: Pick<Team, "seats_target" | "seats_taken">): number {
  return Math.max(0, team.seats_target - team.seats_taken);
}

export function teamHeadline(team: Team): Headline {
  if (team.status === "formed")
    return { title: t("拼团成功"), detail: t("人齐了，商家正在安排发货"), tone: "good" };
  if (team.status === "failed")
    return { title: t("这个团没有拼成"), detail: t(REFUND_PROMISE), tone: "calm" };
  if (seatsLeft(team) > 0)
    return {
      title: t("还差 {n} 人成团", { n: seatsLeft(team) }),
      detail: t("邀请好友，一起省"),
      tone: "wait",
    };

  const unpaid = team.seats_target - team.seats_settled;
  return { title: t("人已到齐"), detail: t("等 {n} 位团友付款就成团", { n: unpaid }), tone: "wait" };
}

/** Dates on pages are Beijing time, wherever the buyer's device thinks it is. */
export function localTime(utc: string): string {
  return new Intl.DateTimeFormat(language.value, {
    timeZone: "Asia/Shanghai",
    month: "numeric",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  }).format(new Date(utc));
}

export function duration(minutes: number): string {
  if (minutes === 1440) return t("1 天");
  if (minutes === 60) return t("1 小时");
  if (minutes % 1440 === 0) return t("{n} 天", { n: minutes / 1440 });
  return minutes % 60 === 0 ? t("{n} 小时", { n: minutes / 60 }) : t("{n} 分钟", { n: minutes });
}

/** Why this buyer sees the price they see, where it is not the one everybody is promised. */
export function explainPrice(reasons: readonly string[]): string {
  if (reasons.includes("audience_outside"))
    return t("这个拼团只对部分用户开放，你可以看看，也可以按原价单独购买。");
  if (reasons.includes("discount_outside_segment"))
    return t("这里的优惠只给指定用户，所以你看到的是原价。和大家一起拼，价格不变。");
  return "";
}
