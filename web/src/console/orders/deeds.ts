/** What operators do to an order by hand: close it before it is paid for, give its money back after. */
import { answered } from "@/api/client";
import { yuan } from "@/ui/money";
import { mall } from "../api";
import { useDeeds } from "../deeds";
import { useRefresh } from "../refresh";
import { toast } from "../toast";
import type { Order } from "../types";
import { words } from "./words";

export function useOrderDeeds() {
  const deeds = useDeeds();
  const refresh = useRefresh();

  function close({ number }: Order) {
    return deeds.ask({
      title: words.value.closeTitle(number),
      consequences: words.value.closeWhat,
      confirm: words.value.close,
      reason: "required",
      danger: true,
      act: async (reason) => {
        const address = "/v1/console/orders/{number}/cancellation";
        await answered(mall.POST(address, { params: { path: { number } }, body: { reason } }));
        await refresh("orders", "payments");
      },
    });
  }

  function refund({ number, payable_fen }: Order) {
    return deeds.ask({
      title: words.value.refundTitle(yuan(payable_fen)),
      consequences: words.value.refundWhat(yuan(payable_fen)),
      confirm: words.value.refund,
      reason: "required",
      danger: true,
      act: async (reason) => {
        const address = "/v1/console/orders/{number}/refund";
        const { request } = await answered(
          mall.POST(address, { params: { path: { number } }, body: { reason } }),
        );
        if (request?.status === "waiting") toast(words.value.waiting, "warning");
        await refresh("orders", "refunds", "refund-requests");
      },
    });
  }

  return { close, refund };
}
