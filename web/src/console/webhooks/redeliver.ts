import { answered } from "@/api/client";
import { market } from "../api";
import { useDeeds } from "../deeds";
import { useRefresh } from "../refresh";
import type { Delivery } from "../types";
import { words } from "./words";

/** Asks why, and sends these again. True once they are on their way. */
export function useRedelivery() {
  const deeds = useDeeds();
  const refresh = useRefresh();

  return (deliveries: readonly Delivery[]) =>
    deeds.ask({
      title: words.value.redeliverTitle(deliveries.length),
      consequences: words.value.redeliverWhat,
      confirm: words.value.redeliver,
      reason: "required",
      act: async (reason) => {
        const keys = deliveries.map(({ event_id, endpoint_id }) => ({ event_id, endpoint_id }));
        await answered(
          market.POST("/console/v1/deliveries/redelivery", { body: { deliveries: keys, reason } }),
        );
        await refresh("deliveries", "teams");
      },
    });
}
