/** Rows that come page by page, each with the cursor of the next. */
import { useInfiniteQuery, type EntryKey } from "@pinia/colada";
import { computed, type MaybeRefOrGetter } from "vue";

export type Page<Row> = { items: Row[]; next_cursor: string | null };
export type Turn = { cursor: string | null; limit: number };
export type Pages<Row> = ReturnType<typeof usePages<Row>>;

const PAGE = 50;
const EXPORT_PAGE = 100;
export const EXPORT_MAX = 10_000;

/** `key` names the rows and all they are filtered by; `read` gets one page of them. */
export function usePages<Row>(key: MaybeRefOrGetter<EntryKey>, read: (turn: Turn) => Promise<Page<Row>>) {
  const query = useInfiniteQuery<Page<Row>, Error, string | null>({
    key,
    initialPageParam: null,
    query: ({ pageParam }) => read({ cursor: pageParam, limit: PAGE }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const rows = computed(() => query.data.value?.pages.flatMap((page) => page.items) ?? []);

  /** All rows, or the first ten thousand of them; a file holds no more. */
  async function everything(): Promise<Row[]> {
    const all: Row[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Row> = await read({ cursor, limit: EXPORT_PAGE });
      all.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null && all.length < EXPORT_MAX);
    return all;
  }

  return {
    rows,
    everything,
    pending: query.isPending,
    error: query.error,
    hasMore: query.hasNextPage,
    loadingMore: computed(() => query.isLoading.value && rows.value.length > 0),
    more: () => void query.loadNextPage(),
    retry: () => query.refetch(),
  };
}
