/** The buyer's own orders. */
import { useInfiniteQuery, useQuery, useQueryCache } from "@pinia/colada";
import { computed, ref, shallowRef, toValue, watchEffect, type MaybeRefOrGetter } from "vue";
import { answered, mall } from "@/api/client";
import type { Order, OrderBody } from "@/api/types";
import { useClock } from "@/ui/clock";

/** How soon to look again while something is about to happen to the order by itself. */
const LOOK_AGAIN_MS: Partial<Record<Order["status"], number>> = {
  created: 3_000,
  awaiting_payment: 3_000,
  paid: 4_000,
  ready: 2_000,
  refunding: 4_000,
};

/** What a buyer looks for among their orders. */
export const TABS = {
  all: [],
  to_pay: ["awaiting_payment"],
  going: ["paid", "ready"],
  fulfilled: ["fulfilled"],
  money_back: ["refunding", "refunded"],
} satisfies Record<string, Order["status"][]>;
export type Tab = keyof typeof TABS;

export function useOrders(tab: MaybeRefOrGetter<Tab>) {
  const clock = useClock();
  return useInfiniteQuery({
    key: () => ["orders", toValue(tab)],
    initialPageParam: null as string | null,
    query: async ({ pageParam }) => {
      const page = await answered(
        mall.GET("/v1/orders", {
          params: { query: { status: TABS[toValue(tab)], cursor: pageParam, limit: 10 } },
        }),
      );
      page.items.slice(0, 1).forEach((order) => clock.observe(order.server_time));
      return page;
    },
    getNextPageParam: (page) => page.next_cursor,
    refetchOnMount: "always",
  });
}

export function useOrder(number: MaybeRefOrGetter<string>) {
  const clock = useClock();
  const found = useQuery({
    key: () => ["order", toValue(number)],
    query: async () => {
      const order = await answered(
        mall.GET("/v1/orders/{number}", { params: { path: { number: toValue(number) } } }),
      );
      clock.observe(order.server_time);
      return order;
    },
  });

  const everyMs = computed(() => found.data.value && LOOK_AGAIN_MS[found.data.value.status]);
  watchEffect((onCleanup) => {
    if (!everyMs.value) return;
    const timer = window.setInterval(() => document.hidden || found.refetch(), everyMs.value);
    onCleanup(() => window.clearInterval(timer));
  });
  return found;
}

/** Cancelling or asking for the money back: safe to press again, so a failure only has to be told. */
export function useChanging(number: () => string) {
  const cache = useQueryCache();
  const busy = ref(false);
  const failure = shallowRef<unknown>(null);

  async function change(how: "cancel" | "refund", reason: string): Promise<boolean> {
    busy.value = true;
    failure.value = null;
    try {
      const params = { path: { number: number() } };
      const order = await answered(
        how === "cancel"
          ? mall.POST("/v1/orders/{number}/cancellation", { params, body: {} })
          : mall.POST("/v1/orders/{number}/refund", { params, body: { reason } }),
      );
      cache.setQueryData(["order", order.number], order);
      void cache.invalidateQueries({ key: ["orders"] });
      return true;
    } catch (error) {
      failure.value = error;
      void cache.invalidateQueries({ key: ["order", number()] });
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { change, busy, failure, forget: () => (failure.value = null) };
}

export function placeOrder(body: OrderBody, idempotencyKey: string): Promise<Order> {
  return answered(
    mall.POST("/v1/orders", { params: { header: { "idempotency-key": idempotencyKey } }, body }),
  );
}
