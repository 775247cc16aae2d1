/** What the buyer is about to buy lives in the address (`?buy=`), so that signing in comes back to it. */
import { computed } from "vue";
import { useRoute, useRouter } from "vue-router";
import type { Team } from "@/api/types";

export type Choice = { kind: "alone" } | { kind: "open" } | { kind: "join"; team: Team };

export function useBuying(teams: () => readonly Team[]) {
  const route = useRoute();
  const router = useRouter();

  const choice = computed<Choice | null>(() => {
    const { buy } = route.query;
    if (buy === "alone" || buy === "open") return { kind: buy };

    const team = teams().find(({ id }) => id === buy);
    return team ? { kind: "join", team } : null;
  });

  function choose(buy: "alone" | "open" | Team) {
    const query = { ...route.query, buy: typeof buy === "string" ? buy : buy.id };
    return choice.value ? router.replace({ query }) : router.push({ query });
  }

  function dismiss() {
    if (!choice.value) return;
    const closed = router.resolve({ path: route.path, query: { ...route.query, buy: undefined } }).fullPath;
    if (window.history.state?.back === closed) router.back();
    else void router.replace(closed);
  }

  return { choice, choose, dismiss };
}
