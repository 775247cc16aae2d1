/** Products and teams, as the shop window shows them. */
import { useInfiniteQuery, useQuery } from "@pinia/colada";
import { toValue, type MaybeRefOrGetter } from "vue";
import { answered, mall } from "@/api/client";
import { useClock } from "@/ui/clock";

export function useProducts(words: MaybeRefOrGetter<string>) {
  return useInfiniteQuery({
    key: () => ["products", toValue(words)],
    initialPageParam: null as string | null,
    query: ({ pageParam }) =>
      answered(
        mall.GET("/v1/products", {
          params: { query: { q: toValue(words), cursor: pageParam, limit: 12 } },
        }),
      ),
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function useProduct(id: MaybeRefOrGetter<string>) {
  const clock = useClock();
  return useQuery({
    key: () => ["product", toValue(id)],
    query: async () => {
      const product = await answered(
        mall.GET("/v1/products/{product_id}", { params: { path: { product_id: toValue(id) } } }),
      );
      clock.observe(product.server_time);
      return product;
    },
  });
}

/** Teams of any product that are about to fill, and that this visitor could join. */
export function useFillingTeams() {
  const clock = useClock();
  return useQuery({
    key: ["filling"],
    query: async () => {
      const filling = await answered(mall.GET("/v1/teams"));
      clock.observe(filling.server_time);
      return filling.items;
    },
  });
}

export function useTeamPage(id: MaybeRefOrGetter<string>) {
  const clock = useClock();
  return useQuery({
    key: () => ["team", toValue(id)],
    query: async () => {
      const page = await answered(
        mall.GET("/v1/teams/{team_id}", { params: { path: { team_id: toValue(id) } } }),
      );
      clock.observe(page.server_time);
      return page;
    },
  });
}
