import { spoken } from "../language";
import type { Payment, PaymentStatus, TradeStatus } from "../types";

type ToldBy = NonNullable<Payment["told_by"]>;
const statuses: { zh: Record<PaymentStatus, string>; en: Record<PaymentStatus, string> } = {
  zh: { open: "待付", paid: "已付", closed: "已关闭" },
  en: { open: "Open", paid: "Paid", closed: "Closed" },
};
const trades: { zh: Record<TradeStatus, string>; en: Record<TradeStatus, string> } = {
  zh: {
    absent: "网关没有这笔交易",
    waiting: "网关在等买家付款",
    paid: "网关说已付款",
    closed: "网关说已关闭",
  },
  en: {
    absent: "The gateway knows no such trade",
    waiting: "The gateway waits for the buyer",
    paid: "The gateway says it is paid",
    closed: "The gateway says it is closed",
  },
};
const tellers: { zh: Record<ToldBy, string>; en: Record<ToldBy, string> } = {
  zh: { notify: "网关通知", query: "主动查询" },
  en: { notify: "by notify", query: "by asking" },
};

export const words = spoken({
  zh: {
    title: "付款",
    lead: "开给网关的每一张付款单，和实际收到的钱。",
    statuses: statuses.zh,
    trades: trades.zh,
    tellers: tellers.zh,
    status: "状态",
    number: "付款单号",
    order: "订单号",
    search: "订单号",
    searchTrade: "网关交易号",
    gateway: "网关",
    amount: "应收",
    received: "实收",
    opened: "开单时间",
    paid: "付款时间",
    toldBy: "得知方式",
    trade: "网关交易号",
    ask: "向网关查询",
    askTitle: (number: string) => `向网关查询 ${number}`,
    askWhat: ["马上问网关这笔交易怎样了。", "如果网关说已付款，就和收到通知一样入账。"],
    empty: { title: "还没有付款", advice: "买家去付款时会开出付款单。" },
  },
  en: {
    title: "Payments",
    lead: "Every payment that was opened at a gateway, and the money that came.",
    statuses: statuses.en,
    trades: trades.en,
    tellers: tellers.en,
    status: "Status",
    number: "Payment",
    order: "Order",
    search: "Order number",
    searchTrade: "Gateway's trade number",
    gateway: "Gateway",
    amount: "Asked",
    received: "Received",
    opened: "Opened",
    paid: "Paid",
    toldBy: "Told",
    trade: "Gateway's number",
    ask: "Ask the gateway",
    askTitle: (number: string) => `Ask the gateway about ${number}`,
    askWhat: ["Asks at once what became of the trade.", "Money it tells of is taken in, as from a notify."],
    empty: { title: "No payments yet", advice: "One is opened when a buyer goes to pay." },
  },
});
