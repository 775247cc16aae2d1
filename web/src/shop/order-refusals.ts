/** Why an order could not be placed, cancelled or paid back, and what the buyer can do next. */
import { Refusal } from "@/api/refusal";
import { t } from "@/ui/language";
import { reference, SIGN_IN, told, type Explanation } from "./refusal-text";

const ORDER_REFUSALS: Record<string, Explanation> = {
  team_full: {
    title: "这个团刚刚满员了",
    advice: "没有扣款。可以换一个团，或者自己开一个团，价格一样。",
    step: "open_team",
  },
  team_closed: {
    title: "这个团已经结束了",
    advice: "没有扣款。自己开一个团，邀请朋友一起买，价格一样。",
    step: "open_team",
  },
  wrong_team: {
    title: "这个团不属于当前活动",
    advice: "没有扣款。自己开一个团就能享受现在的拼团价。",
    step: "open_team",
  },
  take_limit_reached: {
    title: "你参加这个活动的次数已用完",
    advice: "到“我的订单”看看有没有待付款的拼团，或者选择单独购买。",
    step: "see_orders",
  },
  campaign_closed: {
    title: "拼团活动已经结束",
    advice: "没有扣款。刷新页面看看现在的价格，仍可以单独购买。",
    step: "reload",
  },
  listing_changed: {
    title: "商品的拼团价刚刚更新了",
    advice: "没有扣款。刷新页面，看过新价格再下单。",
    step: "reload",
  },
  no_listing: {
    title: "这件商品的拼团已经下线",
    advice: "没有扣款。刷新页面看看现在的价格，仍可以单独购买。",
    step: "reload",
  },
  price_changed: {
    title: "商品的价格刚刚更新了",
    advice: "没有扣款。刷新页面，看过新价格再下单。",
    step: "reload",
  },
  hold_ended: {
    title: "座位保留的时间已过",
    advice: "没有扣款。刷新页面，重新选一个团。",
    step: "reload",
  },
  already_in_team: {
    title: "你已经在这个团里了",
    advice: "没有重复扣款。到“我的订单”看看它的进度，或者继续付款。",
    step: "see_orders",
  },
  unreachable: {
    title: "拼团服务暂时没有回应",
    advice: "没有扣款。再试一次即可，不会重复下单。",
    step: "retry",
  },
  overloaded: {
    title: "现在下单的人有点多",
    advice: "没有扣款。稍等几秒再试一次，不会重复下单。",
    step: "retry",
  },
  not_signed_in: SIGN_IN,
  not_found: { title: "这件商品刚刚下架了", advice: "没有扣款。刷新页面看看别的商品。", step: "reload" },
};

/** Why an order could not be placed. Every retry carries the same key, hence the promise. */
export function explainOrder(error: unknown): Explanation {
  if (!(error instanceof Refusal)) {
    return told({ title: "网络连接不上", advice: "请检查网络，然后再试一次，不会重复下单。", step: "retry" });
  }
  const known = ORDER_REFUSALS[error.code];
  if (known) return told(known);
  if (error.status === 401) return told(SIGN_IN);
  if (error.status === 409 || error.status === 422) {
    return told({ title: "这一单没有提交成功", advice: "没有扣款。刷新页面，重新选一次。", step: "reload" });
  }
  if (error.status === 429) {
    return told({ title: "操作太频繁了", advice: "没有扣款。歇几秒再试一次，不会重复下单。", step: "retry" });
  }
  return {
    title: t("服务器出了点问题"),
    advice: `${t("再试一次，不会重复下单。")}${reference(error)}`,
    step: "retry",
  };
}

const CHANGE_REFUSALS: Record<string, string> = {
  order_moved_on: "订单刚刚有了变化，请看最新的状态。",
  already_paid: "这笔订单刚刚付款成功，不用取消了。",
  refund_needs_operator: "已经成团，不能自助退款了，请联系客服。",
  unreachable: "服务暂时没有回应，什么都没有改变。稍等几秒再试一次。",
};

/** Why an order could not be cancelled or paid back. */
export function explainChange(error: unknown): string {
  if (!(error instanceof Refusal)) return t("网络连接不上，请检查后再试一次。");
  const known = CHANGE_REFUSALS[error.code];
  if (known) return t(known);
  return `${t("没有成功，请稍后再试。")}${reference(error)}`;
}
