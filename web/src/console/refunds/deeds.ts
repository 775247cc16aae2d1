/** What operators do about refunds: try one again, approve or refuse what another asked for. */
import { answered } from "@/api/client";
import { yuan } from "@/ui/money";
import { mall } from "../api";
import { useDeeds } from "../deeds";
import { useRefresh } from "../refresh";
import type { Refund, RefundRequest } from "../types";
import { words } from "./words";

export function useRefundDeeds() {
  const deeds = useDeeds();
  const refresh = useRefresh();

  function retry({ number }: Refund) {
    return deeds.ask({
      title: words.value.retryTitle(number),
      consequences: words.value.retryWhat,
      confirm: words.value.retry,
      reason: "welcome",
      act: async (reason) => {
        const params = { path: { refund_number: number } };
        await answered(mall.POST("/v1/console/refunds/{refund_number}/retry", { params, body: { reason } }));
        await refresh("refunds", "orders");
      },
    });
  }

  function approve({ id, amount_fen, asked_by_name }: RefundRequest) {
    return deeds.ask({
      title: words.value.approveTitle(yuan(amount_fen)),
      consequences: words.value.approveWhat(asked_by_name),
      confirm: words.value.approve,
      reason: "welcome",
      danger: true,
      act: async (reason) => {
        const params = { path: { request_id: id } };
        const address = "/v1/console/refund-requests/{request_id}/approval";
        await answered(mall.PUT(address, { params, body: { reason } }));
        await refresh("refund-requests", "refunds", "orders");
      },
    });
  }

  function refuse({ id, amount_fen }: RefundRequest) {
    return deeds.ask({
      title: words.value.refuseTitle(yuan(amount_fen)),
      consequences: words.value.refuseWhat,
      confirm: words.value.refuse,
      reason: "required",
      act: async (reason) => {
        const params = { path: { request_id: id } };
        const address = "/v1/console/refund-requests/{request_id}/refusal";
        await answered(mall.PUT(address, { params, body: { reason } }));
        await refresh("refund-requests", "orders");
      },
    });
  }

  return { retry, approve, refuse };
}
