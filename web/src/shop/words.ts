/** What the states of orders and teams are called in front of a buyer. */
import type { Order, Team } from "@/api/types";
import { yuan } from "@/ui/money";

export type Headline = { title: string; detail: string; tone: "wait" | "good" | "calm" };

export const BUYING_STEPS = ["选商品，开团或参团", "付款后邀请好友", "人齐成团，安排发货"];
export const REFUND_PROMISE = "时间到了人还没齐，系统自动全额退款，原路退回，一分不少。";

const PACKING = "商家正在安排发货";

export function seatsLeft(team: Pick<Team, "seats_target" | "seats_taken">): number {
  return Math.max(0, team.seats_target - team.seats_taken);
}

export function teamHeadline(team: Team): Headline {
  if (team.status === "formed") return { title: "拼团成功", detail: `人齐了，${PACKING}`, tone: "good" };
  if (team.status === "failed") return { title: "这个团没有拼成", detail: REFUND_PROMISE, tone: "calm" };
  if (seatsLeft(team) > 0)
    return { title: `还差 ${seatsLeft(team)} 人成团`, detail: "邀请好友，一起省", tone: "wait" };

  const unpaid = team.seats_target - team.seats_settled;
  return { title: "人已到齐", detail: `等 ${unpaid} 位团友付款就成团`, tone: "wait" };
}

export function orderHeadline(order: Order): Headline {
  switch (order.status) {
    case "created":
      return { title: "订单还没提交完", detail: "没有扣款。回到商品页可以重新下单", tone: "calm" };
    case "awaiting_payment":
      return { title: "等待付款", detail: awaitedDetail(order), tone: "wait" };
    case "paid":
      return paidHeadline(order);
    case "ready":
      return { title: order.kind === "group" ? "拼团成功" : "付款成功", detail: PACKING, tone: "good" };
    case "fulfilled":
      return { title: "已发货", detail: "提货码在下面，请妥善保存", tone: "good" };
    case "closed":
      return { title: "订单已关闭", detail: "没有完成付款，没有扣款", tone: "calm" };
    case "refunding":
      return {
        title: "退款中",
        detail: `${yuan(order.payable_fen)} 正在原路退回，${refundReason(order)}`,
        tone: "wait",
      };
    case "refunded":
      return {
        title: "已全额退款",
        detail: `${yuan(order.payable_fen)} 已原路退回，${refundReason(order)}`,
        tone: "calm",
      };
  }
}

function awaitedDetail(order: Order): string {
  const amount = yuan(order.payable_fen);
  return order.kind === "group" ? `座位已为你保留，付款 ${amount} 后计入拼团` : `付款 ${amount} 后安排发货`;
}

function paidHeadline(order: Order): Headline {
  if (order.kind === "alone") return { title: "付款成功", detail: PACKING, tone: "good" };
  if (order.team) return teamHeadline(order.team);
  return { title: "付款成功，等待成团", detail: "团的进度暂时取不到，会自动更新", tone: "wait" };
}

function refundReason(order: Order): string {
  return order.team?.status === "failed" ? "因为没有成团" : "以支付宝到账为准";
}

/** A short word for lists, where the headline is too long. */
export function orderWord(order: Order): string {
  const words: Record<Order["status"], string> = {
    created: "未提交",
    awaiting_payment: "待付款",
    paid: order.kind === "group" ? "拼团中" : "待发货",
    ready: "待发货",
    fulfilled: "已发货",
    closed: "已关闭",
    refunding: "退款中",
    refunded: "已退款",
  };
  return words[order.status];
}

/** Dates on pages are Beijing time, wherever the buyer's device thinks it is. */
export function localTime(utc: string): string {
  return new Intl.DateTimeFormat("zh-CN", {
    timeZone: "Asia/Shanghai",
    month: "numeric",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  }).format(new Date(utc));
}

export function duration(minutes: number): string {
  if (minutes % 1440 === 0) return `${minutes / 1440} 天`;
  return minutes % 60 === 0 ? `${minutes / 60} 小时` : `${minutes} 分钟`;
}
