import { Refusal } from "@/api/refusal";

/** What the buyer can do next; the page that shows the text knows how. */
export type NextStep = "retry" | "open_team" | "reload" | "see_orders" | "sign_in" | "go_home";

export type Explanation = { title: string; advice: string; step: NextStep };

const SIGN_IN: Explanation = { title: "需要先登录", advice: "登录后会回到这里继续。", step: "sign_in" };

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
    return { title: "网络连接不上", advice: "请检查网络，然后再试一次，不会重复下单。", step: "retry" };
  }
  const known = ORDER_REFUSALS[error.code];
  if (known) return known;
  if (error.status === 401) return SIGN_IN;
  if (error.status === 409 || error.status === 422) {
    return { title: "这一单没有提交成功", advice: "没有扣款。刷新页面，重新选一次。", step: "reload" };
  }
  if (error.status === 429) {
    return { title: "操作太频繁了", advice: "没有扣款。歇几秒再试一次，不会重复下单。", step: "retry" };
  }
  return {
    title: "服务器出了点问题",
    advice: `再试一次，不会重复下单。${reference(error)}`,
    step: "retry",
  };
}

/** Why a page could not be shown. */
export function explainPage(error: unknown): Explanation {
  if (!(error instanceof Refusal)) {
    return { title: "网络连接不上", advice: "请检查网络，然后再试一次。", step: "retry" };
  }
  if (error.status === 401) return SIGN_IN;
  if (error.status === 404) {
    return { title: "没有找到你要看的内容", advice: "它可能已经下架，或者链接不完整。", step: "go_home" };
  }
  if (error.status === 429) {
    return { title: "刷新得太快了", advice: "歇几秒再试一次。", step: "retry" };
  }
  return { title: "服务器暂时没有回应", advice: `稍等几秒再试一次。${reference(error)}`, step: "retry" };
}

function reference({ requestId }: Refusal): string {
  return requestId ? `如果一直这样，请把编号 ${requestId} 告诉客服。` : "";
}
