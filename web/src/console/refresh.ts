/** After a change, what was read before is read again. */
import { useQueryCache } from "@pinia/colada";

export function useRefresh() {
  const queries = useQueryCache();
  return (...names: string[]) => Promise.all(names.map((name) => queries.invalidateQueries({ key: [name] })));
}
