/** What can be picked in forms and filters, by name. */
import { useQuery } from "@pinia/colada";
import { computed, toValue, type MaybeRefOrGetter } from "vue";
import { answered } from "@/api/client";
import { market } from "./api";

export type Choice = { value: string; name: string; more?: string };

const FIRST = { limit: 100 };

/** Those whose name has the text; without one, the newest hundred. */
export function useCampaignChoices(text: MaybeRefOrGetter<string> = "") {
  const { data } = useQuery({
    key: () => ["campaigns", "choices", toValue(text)],
    query: () => {
      const query = { ...FIRST, ...(toValue(text) && { text: toValue(text) }) };
      return answered(market.GET("/console/v1/campaigns", { params: { query } }));
    },
    placeholderData: (before) => before,
  });
  return computed<Choice[]>(
    () => data.value?.items.map(({ id, name }) => ({ value: id, name, more: id })) ?? [],
  );
}

/** What a campaign is called; its id as long as that is not known. */
export function useCampaignNames() {
  const choices = useCampaignChoices();
  const names = computed(() => new Map(choices.value.map(({ value, name }) => [value, name])));
  return (id: string) => names.value.get(id) ?? id;
}

export function useDiscountList() {
  const { data } = useQuery({
    key: ["discounts", "choices"],
    query: () => answered(market.GET("/console/v1/discounts", { params: { query: FIRST } })),
  });
  return computed(() => data.value?.items ?? []);
}

export function useSegmentChoices() {
  const { data } = useQuery({
    key: ["segments", "choices"],
    query: () => answered(market.GET("/console/v1/segments", { params: { query: FIRST } })),
  });
  return computed<Choice[]>(
    () => data.value?.items.map(({ id, name }) => ({ value: id, name, more: id })) ?? [],
  );
}

export function useSourceChoices() {
  const { data } = useQuery({
    key: ["sources"],
    query: () => answered(market.GET("/console/v1/sources")),
  });
  return computed<Choice[]>(
    () => data.value?.items.map(({ id, name }) => ({ value: id, name, more: id })) ?? [],
  );
}
