import { expect, test } from "vitest";
import { csvOf } from "@/console/csv";

test("cells with commas, quotes and line ends are quoted", () => {
  expect(csvOf([["a,b", 'say "hi"', "two\nlines", null, 3]])).toBe('"a,b","say ""hi""","two\nlines",,3\r\n');
});

test("no cell is taken for a formula, and a number stays one", () => {
  expect(csvOf([["=1+1", "+8613800000000", "@cmd", "-2+3", "\tx"]])).toBe(
    "'=1+1,'+8613800000000,'@cmd,'-2+3,'\tx\r\n",
  );
  expect(csvOf([["-19.9", "-5", -5, "12.50"]])).toBe("-19.9,-5,-5,12.50\r\n");
});
