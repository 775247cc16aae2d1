/** Products and teams, as the shop window shows them. */
import { useInfiniteQuery, useQuery } from "@tanstack/vue-query";
import { toValue, type MaybeRefOrGetter } from "vue";
import { answered, mall } from "@/api/client";
import { useClock } from "@/ui/clock";

export function useProducts() {
  return useInfiniteQuery({
    queryKey: ["products"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      answered(mall.GET("/v1/products", { params: { query: { cursor: pageParam, limit: 12 } } })),
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function useProduct(id: MaybeRefOrGetter<string>) {
  const clock = useClock();
  return useQuery({
    queryKey: ["product", id],
    queryFn: async () => {
      const product = await answered(
        mall.GET("/v1/products/{product_id}", { params: { path: { product_id: toValue(id) } } }),
      );
      clock.observe(product.server_time);
      return product;
    },
  });
}

export function useTeamPage(id: MaybeRefOrGetter<string>) {
  const clock = useClock();
  return useQuery({
    queryKey: ["team", id],
    queryFn: async () => {
      const page = await answered(
        mall.GET("/v1/teams/{team_id}", { params: { path: { team_id: toValue(id) } } }),
      );
      clock.observe(page.server_time);
      return page;
    },
  });
}
