import type { RouteLocationRaw } from "vue-router";
import type { Cell } from "../csv";

/** One column of a table: `text` is what a file holds, and what is shown where no slot shows it better. */
export type Column<Row> = {
  key: string;
  title: string;
  text: (row: Row) => Cell;
  end?: boolean;
  /** What the address calls it, and the service if that sorts, where rows can be sorted by it. */
  sort?: string;
  /** What rows are sorted by if they are sorted here, where their texts have another order. */
  order?: (row: Row) => Cell;
};

/** Once up, once down, and then as it was. */
export function nextSort(sort: string, by: string): string {
  if (sort === by) return `-${by}`;
  return sort === `-${by}` ? "" : by;
}

// Pinyin; and what ends in a number by that number.
const TEXTS = new Intl.Collator("zh-CN", { numeric: true });

/** In the order of the column that `sort` names; as they came, if it names none, and where they are equal. */
export function inOrder<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: string,
): readonly Row[] {
  const by = sort.replace(/^-/, "");
  const column = columns.find((one) => one.sort !== undefined && one.sort === by);
  if (!column) return rows;
  const value = column.order ?? column.text;
  const way = sort === by ? 1 : -1;
  return [...rows].sort((one, other) => way * compared(value(one), value(other)));
}

/** An empty place comes before every value. */
function compared(one: Cell, other: Cell): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  if (typeof one === "number" && typeof other === "number") return one - other;
  return TEXTS.compare(String(one), String(other));
}

export function ariaSort(sort: string, by: string | undefined) {
  if (by === undefined) return undefined;
  if (sort === by) return "ascending";
  return sort === `-${by}` ? "descending" : "none";
}

export type RowLink<Row> = (row: Row) => RouteLocationRaw;
