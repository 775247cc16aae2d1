/** What became of a gateway's word, in words; and whether somebody should look. */
import { spoken } from "../language";
import type { Tone } from "../parts/StatusTag.vue";
import type { Verdict } from "../types";

const names: { zh: Record<Verdict, string>; en: Record<Verdict, string> } = {
  zh: {
    paid: "入账",
    repeated: "重复，已处理过",
    late_money: "来得太晚，退回",
    not_paid: "不是付款成功",
    refund_news: "退款消息",
    malformed: "格式不对",
    forged: "签名不对",
    unknown_key: "签名的证书不认识",
    stale: "签名时间不对",
    unreadable: "解不开",
    other_app: "不是我们的应用",
    unknown_payment: "没有这笔付款",
    amount_differs: "金额不符",
    other_seller: "不是我们的商户",
    another_trade: "已由另一笔交易付过",
  },
  en: {
    paid: "taken in",
    repeated: "known already",
    late_money: "too late, goes back",
    not_paid: "not of a payment made",
    refund_news: "of a refund",
    malformed: "malformed",
    forged: "forged",
    unknown_key: "signed by an unknown key",
    stale: "signed at another time",
    unreadable: "unreadable",
    other_app: "for another app",
    unknown_payment: "of no payment of ours",
    amount_differs: "of another amount",
    other_seller: "for another seller",
    another_trade: "of another trade",
  },
};

export const verdictWords = spoken(names);

export const VERDICT_TONES: Record<Verdict, Tone> = {
  paid: "good",
  repeated: "calm",
  late_money: "wait",
  not_paid: "calm",
  refund_news: "calm",
  malformed: "bad",
  forged: "bad",
  unknown_key: "bad",
  stale: "bad",
  unreadable: "bad",
  other_app: "bad",
  unknown_payment: "bad",
  amount_differs: "bad",
  other_seller: "bad",
  another_trade: "bad",
};
