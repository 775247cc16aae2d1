/** An order's life as moments that an operator reads. */
import { yuan } from "@/ui/money";
import type { Tone } from "../parts/StatusTag.vue";
import type { Told } from "../parts/TimeLine.vue";
import { fieldWords } from "../audit/field-words";
import { gatewayName } from "../gateway-words";
import { verdictWords } from "../notifies/verdicts";
import { words as paymentWords } from "../payments/words";
import { codeText } from "../refusal-words";
import type { Happening, Payment, Verdict } from "../types";
import { words } from "./words";

const TONES: Partial<Record<Happening["what"], Tone>> = {
  "order.paid": "good",
  "order.fulfilled": "good",
  "payment.received": "good",
  "seat.settled": "good",
  "delivery.made": "good",
  "refund.done": "good",
  "order.awaiting_payment": "wait",
  "order.refunding": "wait",
  "refund.asked": "wait",
  "refund.owed": "wait",
  "refund.failed": "bad",
  "refund.stuck": "bad",
};

export function told(timeline: readonly Happening[]): Told[] {
  return timeline.map((happening, index) => ({
    key: `${index}`,
    at: happening.at,
    title: words.value.happenings[happening.what],
    detail: detailOf(happening),
    tone: TONES[happening.what] ?? "calm",
  }));
}

function detailOf({ what, about, amount_fen, detail, reason, by }: Happening): string {
  const parts = [
    amount_fen !== null && yuan(amount_fen),
    detail && said(what, detail),
    about && what !== "deed" && about,
    reason,
    by && words.value.by(by),
  ];
  return parts.filter(Boolean).join(" · ");
}

function said(what: Happening["what"], detail: string): string {
  switch (what) {
    case "notify.judged":
      return verdictWords.value[detail as Verdict];
    case "payment.opened":
      return gatewayName(detail);
    case "payment.received":
      return paymentWords.value.tellers[detail as NonNullable<Payment["told_by"]>];
    case "deed":
      return fieldWords.value.actions[detail] ?? detail;
    default:
      return codeText(detail);
  }
}
