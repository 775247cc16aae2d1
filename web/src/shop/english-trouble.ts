/** The shop in English, where something did not work. */
import type { Dictionary } from "@/ui/language";

export default {
  正在加载: "Loading",
  "正在加载…": "Loading…",
  "没加载出来，再试一次": "That did not load, try again",
  到底了: "That is all",
  "网络已断开，恢复后会自动更新": "You are offline; this page updates once you are back",
  需要先登录: "Please sign in first",
  "登录后会回到这里继续。": "You will come back here afterwards.",
  这个团刚刚满员了: "This team has just filled up",
  "没有扣款。可以换一个团，或者自己开一个团，价格一样。":
    "Nothing was charged. Join another team, or open one yourself at the same price.",
  这个团已经结束了: "This team is over",
  "没有扣款。自己开一个团，邀请朋友一起买，价格一样。":
    "Nothing was charged. Open one yourself and invite friends, at the same price.",
  这个团不属于当前活动: "This team belongs to another offer",
  "没有扣款。自己开一个团就能享受现在的拼团价。":
    "Nothing was charged. Open a team yourself at today's group price.",
  你参加这个活动的次数已用完: "You have used up your turns in this offer",
  "到“我的订单”看看有没有待付款的拼团，或者选择单独购买。":
    "Look in “My orders” for a team still to be paid for, or buy alone.",
  拼团活动已经结束: "This group offer has ended",
  "没有扣款。刷新页面看看现在的价格，仍可以单独购买。":
    "Nothing was charged. Look at the price as it is now; you can still buy alone.",
  商品的拼团价刚刚更新了: "The group price has just changed",
  "没有扣款。刷新页面，看过新价格再下单。": "Nothing was charged. Look at the new price before you order.",
  这件商品的拼团已经下线: "There is no group offer for this product any more",
  商品的价格刚刚更新了: "The price has just changed",
  座位保留的时间已过: "Your seat was not held any longer",
  "没有扣款。刷新页面，重新选一个团。": "Nothing was charged. Look again and choose another team.",
  你已经在这个团里了: "You are in this team already",
  "没有重复扣款。到“我的订单”看看它的进度，或者继续付款。":
    "You were not charged twice. See its progress in “My orders”, or pay for it there.",
  拼团服务暂时没有回应: "Group buying does not answer just now",
  "没有扣款。再试一次即可，不会重复下单。": "Nothing was charged. Just try again: it stays one order.",
  现在下单的人有点多: "Many people are ordering just now",
  "没有扣款。稍等几秒再试一次，不会重复下单。":
    "Nothing was charged. Try again in a few seconds: it stays one order.",
  这件商品刚刚下架了: "This product is no longer for sale",
  "没有扣款。刷新页面看看别的商品。": "Nothing was charged. Have a look at our other products.",
  网络连接不上: "No connection",
  "请检查网络，然后再试一次，不会重复下单。": "Check your network, then try again: it stays one order.",
  这一单没有提交成功: "This order was not placed",
  "没有扣款。刷新页面，重新选一次。": "Nothing was charged. Look again and choose once more.",
  操作太频繁了: "That was a little fast",
  "没有扣款。歇几秒再试一次，不会重复下单。":
    "Nothing was charged. Wait a few seconds and try again: it stays one order.",
  服务器出了点问题: "Something is wrong on our side",
  "再试一次，不会重复下单。": "Try again: it stays one order.",
  "订单刚刚有了变化，请看最新的状态。": "This order has just changed; see how it stands now.",
  "这笔订单刚刚付款成功，不用取消了。": "This order has just been paid for.",
  "已经成团，不能自助退款了，请联系客服。": "The team has formed; please ask our service for a refund.",
  "服务暂时没有回应，什么都没有改变。稍等几秒再试一次。":
    "We got no answer, and nothing has changed. Try again in a few seconds.",
  "网络连接不上，请检查后再试一次。": "No connection. Check your network and try again.",
  "没有成功，请稍后再试。": "That did not work. Please try again later.",
  "请检查网络，然后再试一次。": "Check your network, then try again.",
  没有找到你要看的内容: "We could not find that",
  "它可能已经下架，或者链接不完整。": "It may be gone, or the link is not complete.",
  刷新得太快了: "That was a little fast",
  "歇几秒再试一次。": "Wait a few seconds and try again.",
  服务器暂时没有回应: "We got no answer",
  "稍等几秒再试一次。": "Try again in a few seconds.",
  "如果一直这样，请把编号 {id} 告诉客服。": "If it goes on, tell our service this number: {id}.",
} satisfies Dictionary;
