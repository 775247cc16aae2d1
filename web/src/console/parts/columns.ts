import type { RouteLocationRaw } from "vue-router";
import type { Cell } from "../csv";

/** One column of a table: `text` is what a file holds, and what is shown where no slot shows it better. */
export type Column<Row> = {
  key: string;
  title: string;
  text: (row: Row) => Cell;
  end?: boolean;
  /** What the service calls it, where rows can be sorted by it. */
  sort?: string;
};

/** Once up, once down, and then as it was. */
export function nextSort(sort: string, by: string): string {
  if (sort === by) return `-${by}`;
  return sort === `-${by}` ? "" : by;
}

export function ariaSort(sort: string, by: string | undefined) {
  if (by === undefined) return undefined;
  if (sort === by) return "ascending";
  return sort === `-${by}` ? "descending" : "none";
}

export type RowLink<Row> = (row: Row) => RouteLocationRaw;
