import { beijing } from "../moments";
import type { Column } from "../parts/columns";
import type { Tone } from "../parts/StatusTag.vue";
import { codeText } from "../refusal-words";
import { scaledText } from "../scaled";
import type { Refund, RefundRequest, RefundStatus, RequestStatus } from "../types";
import { words } from "./words";

export const REFUND_TONES: Record<RefundStatus, Tone> = { owed: "wait", stuck: "bad", done: "good" };
export const REQUEST_TONES: Record<RequestStatus, Tone> = {
  waiting: "wait",
  approved: "good",
  refused: "calm",
  expired: "calm",
};

export function refundColumns(): Column<Refund>[] {
  return [
    { key: "number", title: words.value.number, text: (row) => row.number },
    { key: "status", title: words.value.status, text: (row) => words.value.statuses[row.status] },
    { key: "order", title: words.value.order, text: (row) => row.order_number },
    {
      key: "amount",
      sort: "amount",
      title: words.value.amount,
      text: (row) => scaledText(row.amount_fen, 2),
      end: true,
    },
    { key: "reason", title: words.value.reason, text: (row) => row.reason },
    { key: "tries", sort: "tries", title: words.value.tries, text: (row) => row.tries, end: true },
    { key: "trouble", title: words.value.trouble, text: (row) => row.trouble && codeText(row.trouble) },
    { key: "created", sort: "created", title: words.value.created, text: (row) => beijing(row.created_at) },
    {
      key: "done",
      sort: "done",
      title: words.value.done,
      text: (row) => row.done_at && beijing(row.done_at),
    },
  ];
}

export function requestColumns(): Column<RefundRequest>[] {
  return [
    { key: "order", title: words.value.order, text: (row) => row.order_number },
    { key: "status", title: words.value.status, text: (row) => words.value.requestStatuses[row.status] },
    { key: "amount", title: words.value.amount, text: (row) => scaledText(row.amount_fen, 2), end: true },
    { key: "reason", title: words.value.reason, text: (row) => row.reason },
    { key: "asked", title: words.value.asked, text: (row) => row.asked_by_name },
    { key: "askedAt", title: words.value.askedAt, text: (row) => beijing(row.asked_at) },
    { key: "expires", title: words.value.expires, text: (row) => beijing(row.expires_at) },
    { key: "decided", title: words.value.decided, text: (row) => row.decided_by_name },
  ];
}
