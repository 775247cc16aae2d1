/** What accountants do: reconcile again, repair, say what a difference was, ask every rule. */
import { answered } from "@/api/client";
import { mall } from "../api";
import { useDeeds } from "../deeds";
import { useRefresh } from "../refresh";
import { toast } from "../toast";
import type { Break, Finding, Run } from "../types";
import { words } from "./words";

export function useBookDeeds() {
  const deeds = useDeeds();
  const refresh = useRefresh();

  function repair({ id, about }: Break) {
    return deeds.ask({
      title: words.value.repairTitle(about),
      consequences: words.value.repairWhat,
      confirm: words.value.repair,
      reason: "welcome",
      act: async (reason) => {
        const address = "/v1/console/breaks/{break_id}/repair";
        const after = await answered(
          mall.POST(address, { params: { path: { break_id: id } }, body: { reason } }),
        );
        if (after.status === "open") toast(words.value.notRepaired, "warning");
        else toast(words.value.repaired);
        await refresh("breaks", "reconciliations", "orders");
      },
    });
  }

  function resolve({ id, about }: Break) {
    return deeds.ask({
      title: words.value.resolveTitle(about),
      consequences: words.value.resolveWhat,
      confirm: words.value.resolve,
      reason: "required",
      act: async (reason) => {
        const address = "/v1/console/breaks/{break_id}/resolution";
        await answered(mall.PUT(address, { params: { path: { break_id: id } }, body: { reason } }));
        await refresh("breaks", "reconciliations");
      },
    });
  }

  function rerun({ gateway, day }: Run) {
    return deeds.ask({
      title: words.value.rerunTitle(day, gateway),
      consequences: words.value.rerunWhat,
      confirm: words.value.rerun,
      reason: "welcome",
      act: async (reason) => {
        const address = "/v1/console/reconciliations/{gateway}/{day}/rerun";
        await answered(mall.POST(address, { params: { path: { gateway, day } }, body: { reason } }));
        await refresh("breaks", "reconciliations", "orders");
      },
    });
  }

  /** Tells what was found to `found`. */
  function audit(found: (findings: Finding[]) => void) {
    return deeds.ask({
      title: words.value.auditTitle,
      consequences: words.value.auditWhat,
      confirm: words.value.audit,
      reason: "welcome",
      act: async (reason) => {
        const { findings } = await answered(mall.POST("/v1/console/audits", { body: { reason } }));
        if (findings.length === 0) toast(words.value.sound);
        found(findings);
      },
    });
  }

  return { repair, resolve, rerun, audit };
}
