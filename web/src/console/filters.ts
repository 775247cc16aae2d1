/** What a room shows lives in its address, so that a link shows the same. */
import { computed } from "vue";
import { useRoute, useRouter } from "vue-router";

/** How a table is sorted is no filter: it leaves nothing out. */
const SORT = "sort";

/** `values` as the address has them, empty where it says nothing; `set` and `clear` write it. */
export function useFilters<Name extends string>(...names: readonly Name[]) {
  const route = useRoute();
  const router = useRouter();

  const values = computed(() => {
    const found = {} as Record<Name, string>;
    for (const name of names) {
      const value = route.query[name];
      found[name] = typeof value === "string" ? value : "";
    }
    return found;
  });
  const filters = names.filter((name) => name !== SORT);
  const some = computed(() => filters.some((name) => values.value[name] !== ""));

  function set(changes: Partial<Record<Name, string>>) {
    const asked = { ...route.query, ...changes };
    const query = Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
    return router.replace({ query, hash: route.hash });
  }

  function clear() {
    const blank = {} as Record<Name, string>;
    for (const name of filters) blank[name] = "";
    return set(blank);
  }

  return { values, some, set, clear };
}

/** For a query: what is not filtered by is left out. */
export function asked<Name extends string>(values: Record<Name, string>): Partial<Record<Name, string>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value)) as Partial<
    Record<Name, string>
  >;
}
