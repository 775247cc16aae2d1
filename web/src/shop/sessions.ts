/** Where a buyer is signed in, and the way out of all of it. */
import { useMutation, useQuery } from "@pinia/colada";
import { answered, mall } from "@/api/client";
import type { Session } from "@/api/types";
import { useForgetting } from "./buyer";

/** The latest first. */
export function useSessions() {
  return useQuery({ key: ["sessions"], query: readSessions });
}

async function readSessions(): Promise<Session[]> {
  return (await answered(mall.GET("/v1/sessions"))).items;
}

export function useSignOutEverywhere(left: () => void) {
  const forgetAll = useForgetting();
  return useMutation({
    mutation: () => answered(mall.DELETE("/v1/sessions")),
    onSuccess: () => {
      forgetAll();
      left();
    },
  });
}
