import { expect, test } from "vitest";
import { Refusal, refusalOf } from "@/api/refusal";
import { explain } from "@/shop/refusal-text";

const refused = (code: string, status = 409) => new Refusal(code, status, "", "r-7");

test.each([
  ["team_full", "open_team"],
  ["team_closed", "open_team"],
  ["wrong_team", "open_team"],
  ["take_limit_reached", "see_orders"],
  ["campaign_closed", "reload"],
  ["listing_changed", "reload"],
  ["unreachable", "retry"],
])("%s says what to do: %s", (code, step) => {
  const { title, advice, step: next } = explain(refused(code));
  expect(next).toBe(step);
  expect(title).toMatch(/[一-龥]{4,}/);
  expect(advice).toMatch(/[一-龥]{4,}/);
});

test("a retry after silence is promised to be the same order", () => {
  expect(explain(refused("unreachable", 503)).advice).toContain("不会重复下单");
  expect(explain(new TypeError("Failed to fetch")).advice).toContain("不会重复下单");
});

test("an unknown failure gives the buyer a number to quote", () => {
  expect(explain(refused("who_knows", 500)).advice).toContain("r-7");
});

test("an unknown code falls back to what its status means", () => {
  expect(explain(refused("session_expired", 401)).step).toBe("sign_in");
});

test("a proxy's page is a refusal without a code", () => {
  const refusal = refusalOf(new Response("", { status: 502 }), "<html>Bad Gateway</html>");
  expect(refusal).toMatchObject({ code: "unknown", status: 502, requestId: "" });
  expect(explain(refusal).step).toBe("retry");
});
