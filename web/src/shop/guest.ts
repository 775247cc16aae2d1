/** Buying without WeChat, in this browser alone, where the shop lets one. */
import { useMutation, useQuery, useQueryCache } from "@pinia/colada";
import { answered, mall } from "@/api/client";
import type { Buyer } from "@/api/types";
import { useForgetting } from "./buyer";

/** How this shop is set up; it does not change while a page is open. */
export function useSettings() {
  return useQuery({
    key: ["settings"],
    query: () => answered(mall.GET("/v1/settings")),
    staleTime: Infinity,
  });
}

export function useGuestEntry(entered: (guest: Buyer) => void) {
  const cache = useQueryCache();
  const forgetAll = useForgetting();
  return useMutation({
    mutation: () => answered(mall.POST("/v1/sessions/guest")),
    onSuccess: (guest) => {
      forgetAll();
      cache.setQueryData(["me"], guest);
      entered(guest);
    },
  });
}
