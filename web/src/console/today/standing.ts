/** How things stand at this moment: what is open at the market, and what waits for somebody at the mall. */
import { useQuery } from "@pinia/colada";
import { computed } from "vue";
import { answered } from "@/api/client";
import { useClock } from "@/ui/clock";
import { mall, market } from "../api";
import { useLooking } from "../looking";

const LOOK_EVERY_MS = 15_000;
const SOME = { limit: 100 };

export function useStanding() {
  const clock = useClock();
  const { data, refetch } = useQuery({
    key: ["now"],
    query: () => answered(market.GET("/console/v1/statistics/now")),
  });
  useLooking(refetch, () => LOOK_EVERY_MS);

  const lagMinutes = computed(() => {
    const since = data.value?.webhooks_waiting_since;
    return since ? Math.max(0, Math.floor((clock.nowMs - Date.parse(since)) / 60_000)) : 0;
  });
  return { standing: data, lagMinutes };
}

/** Counted up to a hundred each. */
export function useWaiting() {
  const { data, refetch } = useQuery({ key: ["waiting"], query: countWaiting });
  useLooking(refetch, () => 2 * LOOK_EVERY_MS);
  return data;
}

async function countWaiting() {
  const [alarms, requests, refunds, breaks, jobs] = await Promise.all([
    answered(mall.GET("/v1/console/alarms", { params: { query: { is_ringing: true, ...SOME } } })),
    answered(mall.GET("/v1/console/refund-requests", { params: { query: { status: "waiting", ...SOME } } })),
    answered(mall.GET("/v1/console/refunds", { params: { query: { status: "stuck", ...SOME } } })),
    answered(mall.GET("/v1/console/breaks", { params: { query: { status: "open" } } })),
    answered(mall.GET("/v1/console/jobs/counts")),
  ]);
  const failed = jobs.items.filter((count) => count.status === "failed");
  return {
    alarms: alarms.items.length,
    requests: requests.items.length,
    stuckRefunds: refunds.items.length,
    breaks: breaks.items.length,
    failedJobs: failed.reduce((sum, count) => sum + count.jobs, 0),
  };
}
