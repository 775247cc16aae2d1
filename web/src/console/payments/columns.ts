import { gatewayName } from "../gateway-words";
import { beijing } from "../moments";
import type { Column } from "../parts/columns";
import type { Tone } from "../parts/StatusTag.vue";
import { scaledText } from "../scaled";
import type { Payment, PaymentStatus } from "../types";
import { words } from "./words";

export const PAYMENT_TONES: Record<PaymentStatus, Tone> = { open: "wait", paid: "good", closed: "calm" };

export function paymentColumns(): Column<Payment>[] {
  return [
    { key: "number", title: words.value.number, text: (row) => row.number },
    { key: "status", title: words.value.status, text: (row) => words.value.statuses[row.status] },
    { key: "order", title: words.value.order, text: (row) => row.order_number },
    { key: "gateway", title: words.value.gateway, text: (row) => gatewayName(row.gateway) },
    {
      key: "amount",
      sort: "amount",
      title: words.value.amount,
      text: (row) => scaledText(row.amount_fen, 2),
      end: true,
    },
    { key: "received", title: words.value.received, text: received, end: true },
    { key: "trade", title: words.value.trade, text: (row) => row.gateway_trade_no },
    {
      key: "told",
      title: words.value.toldBy,
      text: (row) => row.told_by && words.value.tellers[row.told_by],
    },
    { key: "opened", sort: "opened", title: words.value.opened, text: (row) => beijing(row.opened_at) },
    {
      key: "paid",
      sort: "paid",
      title: words.value.paid,
      text: (row) => row.paid_at && beijing(row.paid_at),
    },
  ];
}

function received({ received_fen }: Payment): string | null {
  return received_fen === null ? null : scaledText(received_fen, 2);
}
