import { answered } from "@/api/client";
import { mall } from "../api";
import { useDeeds } from "../deeds";
import { useRefresh } from "../refresh";
import { toast } from "../toast";
import type { Payment } from "../types";
import { words } from "./words";

/** Asks the gateway what became of a payment, and tells its answer. */
export function useAsking() {
  const deeds = useDeeds();
  const refresh = useRefresh();

  return ({ number }: Payment) =>
    deeds.ask({
      title: words.value.askTitle(number),
      consequences: words.value.askWhat,
      confirm: words.value.ask,
      reason: "welcome",
      act: async (reason) => {
        const params = { path: { payment_number: number } };
        const address = "/v1/console/payments/{payment_number}/query";
        const { trade_status } = await answered(mall.POST(address, { params, body: { reason } }));
        toast(words.value.trades[trade_status]);
        await refresh("payments", "orders");
      },
    });
}
