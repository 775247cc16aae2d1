/** The buyer's own orders. */
import { useInfiniteQuery, useQuery } from "@tanstack/vue-query";
import { toValue, type MaybeRefOrGetter } from "vue";
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

export function useOrders() {
  const clock = useClock();
  return useInfiniteQuery({
    queryKey: ["orders"],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam }) => {
      const page = await answered(
        mall.GET("/v1/orders", { params: { query: { cursor: pageParam, limit: 10 } } }),
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
  return useQuery({
    queryKey: ["order", number],
    queryFn: async () => {
      const order = await answered(
        mall.GET("/v1/orders/{number}", { params: { path: { number: toValue(number) } } }),
      );
      clock.observe(order.server_time);
      return order;
    },
    refetchInterval: ({ state }) => (state.data && LOOK_AGAIN_MS[state.data.status]) ?? false,
  });
}

export function placeOrder(body: OrderBody, idempotencyKey: string): Promise<Order> {
  return answered(
    mall.POST("/v1/orders", { params: { header: { "idempotency-key": idempotencyKey } }, body }),
  );
}
