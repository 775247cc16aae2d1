import { useMutation, useQuery, useQueryClient } from "@tanstack/vue-query";
import { answered, mall } from "@/api/client";
import { Refusal } from "@/api/refusal";
import type { Buyer } from "@/api/types";

/** The signed-in buyer; null when nobody is. */
export function useBuyer() {
  return useQuery({ queryKey: ["me"], queryFn: readBuyer, staleTime: 60_000 });
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
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => answered(mall.DELETE("/v1/sessions/current")),
    onSuccess: () => queries.clear(),
  });
}
