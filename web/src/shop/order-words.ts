/** What the states of orders are called in front of a buyer. */
import type { Order } from "@/api/types";
import { t } from "@/ui/language";
import { yuan } from "@/ui/money";
import { teamHeadline, type Headline } from "./words";

const PACKING = "商家正在安排发货";

export function orderHeadline(order: Order): Headline {
  switch (order.status) {
    case "created":
      return { title: t("订单还没提交完"), detail: t("没有扣款。回到商品页可以重新下单"), tone: "calm" };
    case "awaiting_payment":
      return { title: t("等待付款"), detail: awaitedDetail(order), tone: "wait" };
    case "paid":
      return paidHeadline(order);
    case "ready":
      return {
        title: order.kind === "group" ? t("拼团成功") : t("付款成功"),
        detail: t(PACKING),
        tone: "good",
      };
    case "fulfilled":
      return { title: t("已发货"), detail: t("提货码在下面，请妥善保存"), tone: "good" };
    case "closed":
      return { title: t("订单已关闭"), detail: t("没有完成付款，没有扣款"), tone: "calm" };
    case "refunding":
      return {
        title: t("退款中"),
        detail: `${t("{amount} 正在原路退回", { amount: yuan(order.payable_fen) })}${refundReason(order)}`,
        tone: "wait",
      };
    case "refunded":
      return {
        title: t("已全额退款"),
        detail: `${t("{amount} 已原路退回", { amount: yuan(order.payable_fen) })}${refundReason(order)}`,
        tone: "calm",
      };
  }
}

function awaitedDetail(order: Order): string {
  const amount = yuan(order.payable_fen);
  return order.kind === "group"
    ? t("座位已为你保留，付款 {amount} 后计入拼团", { amount })
    : t("付款 {amount} 后安排发货", { amount });
}

function paidHeadline(order: Order): Headline {
  if (order.kind === "alone") return { title: t("付款成功"), detail: t(PACKING), tone: "good" };
  if (order.team) return teamHeadline(order.team);
  return { title: t("付款成功，等待成团"), detail: t("团的进度暂时取不到，会自动更新"), tone: "wait" };
}

function refundReason(order: Order): string {
  return order.team?.status === "failed" ? t("，因为没有成团") : t("，以实际到账为准");
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
  return t(words[order.status]);
}
