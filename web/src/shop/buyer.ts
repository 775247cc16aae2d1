import { useMutation, useQuery, useQueryCache } from "@pinia/colada";
import { answered, mall } from "@/api/client";
import { Refusal } from "@/api/refusal";
import type { Buyer } from "@/api/types";

/** The signed-in buyer; null when nobody is. */
export function useBuyer() {
  return useQuery({ key: ["me"], query: readBuyer, staleTime: 60_000 });
}

async function readBuyer(): Promise<Buyer | null> {
  try {
    return await answered(mall.GET("/v1/me"));
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return null;
    throw error;
  }
}

export function useSignOut() {
  const forgetAll = useForgetting();
  return useMutation({
    mutation: () => answered(mall.DELETE("/v1/sessions/current")),
    onSuccess: forgetAll,
  });
}

/** What was read as one buyer must not be shown to the next. */
export function useForgetting() {
  const cache = useQueryCache();
  return () => cache.getEntries().forEach((entry) => cache.remove(entry));
}
