import { expect, test } from "vitest";
import { inOrder, type Column } from "@/console/parts/columns";

type Row = { name: string; size: number | null; fen: number };

const columns: Column<Row>[] = [
  { key: "name", sort: "name", title: "Name", text: (row) => row.name },
  { key: "size", sort: "rows", title: "Size", text: (row) => row.size },
  { key: "price", sort: "price", title: "Price", text: (row) => `${row.fen / 100}`, order: (row) => row.fen },
  { key: "note", title: "Note", text: (row) => row.name },
];
const rows: Row[] = [
  { name: "till-10", size: 9, fen: 12_50 },
  { name: "till-9", size: null, fen: 12_05 },
  { name: "王府井", size: 10, fen: 9_90 },
  { name: "阿里", size: 9, fen: 12_50 },
];
const names = (sort: string) => inOrder(rows, columns, sort).map((row) => row.name);

test("texts come as a dictionary has them, and what they end in as a number", () => {
  const up = names("name");
  expect(up.indexOf("till-9")).toBeLessThan(up.indexOf("till-10"));
  expect(up.indexOf("阿里")).toBeLessThan(up.indexOf("王府井"));
  expect(names("-name")).toEqual([...up].reverse());
});

test("an empty place comes before every value, and equals as they came", () => {
  expect(names("rows")).toEqual(["till-9", "till-10", "阿里", "王府井"]);
  expect(names("-rows")).toEqual(["王府井", "till-10", "阿里", "till-9"]);
});

test("what is written shortest is sorted by what it is", () => {
  expect(names("price")).toEqual(["王府井", "till-9", "till-10", "阿里"]);
});

test("rows stay as they came where no column is named", () => {
  for (const sort of ["", "-", "note", "size", "--name"]) expect(inOrder(rows, columns, sort)).toBe(rows);
});
