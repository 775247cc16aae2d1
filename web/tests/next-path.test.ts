import { expect, test } from "vitest";
import { safeNext } from "@/shop/next-path";

test("a path of this shop is kept with its query", () => {
  expect(safeNext("/p/9890001?buy=open#top")).toBe("/p/9890001?buy=open#top");
});

test.each([
  ["another site", "https://evil.example/"],
  ["a site without a scheme", "//evil.example/"],
  ["a backslash that browsers read as a slash", "/\\evil.example"],
  ["a tab that browsers drop", "/\t/evil.example"],
  ["dot segments that leave two slashes", "/.//evil.example"],
  ["a script", "javascript:alert(1)"],
  ["a bare word", "orders"],
  ["sign-in itself", "/login?next=/login"],
  ["nothing", undefined],
  ["a repeated parameter", ["/orders", "/me"]],
])("%s leads home", (_, next) => {
  expect(safeNext(next)).toBe("/");
});
