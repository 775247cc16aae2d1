import type { RouteLocationRaw } from "vue-router";
import type { Cell } from "../csv";

/** One column of a table: `text` is what a file holds, and what is shown where no slot shows it better. */
export type Column<Row> = {
  key: string;
  title: string;
  text: (row: Row) => Cell;
  end?: boolean;
};

export type RowLink<Row> = (row: Row) => RouteLocationRaw;
