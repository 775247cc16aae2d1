import { expect, test } from "vitest";
import { Refusal, refusalOf } from "@/api/refusal";
import { explainOrder } from "@/shop/order-refusals";
import { explainPage } from "@/shop/refusal-text";

const refused = (code: string, status = 409) => new Refusal(code, status, "", "r-7");
const offline = new TypeError("Failed to fetch");

test.each([
  ["team_full", "open_team"],
  ["team_closed", "open_team"],
  ["wrong_team", "open_team"],
  ["take_limit_reached", "see_orders"],
  ["campaign_closed", "reload"],
  ["listing_changed", "reload"],
  ["price_changed", "reload"],
  ["hold_ended", "reload"],
  ["already_in_team", "see_orders"],
  ["a_refusal_of_tomorrow", "reload"],
  ["unreachable", "retry"],
  ["not_signed_in", "sign_in"],
])("an order refused as %s leads to %s", (code, next) => {
  const { title, advice, step } = explainOrder(refused(code));
  expect(step).toBe(next);
  expect(title).toMatch(/[一-龥]{4,}/);
  expect(advice).toMatch(/[一-龥]{4,}/);
});

test.each([
  ["silence of the market", refused("unreachable", 503)],
  ["a lost line", offline],
  ["a broken server", refused("boom", 500)],
])("after %s a retry is promised to be the same order", (_, error) => {
  expect(explainOrder(error)).toMatchObject({ step: "retry" });
  expect(explainOrder(error).advice).toContain("不会重复下单");
});

test("a page that only shows things does not speak of orders", () => {
  for (const error of [refused("unreachable", 503), offline, refused("boom", 500)]) {
    expect(explainPage(error).advice).not.toMatch(/下单|扣款/);
  }
});

test("an unknown failure gives the buyer a number to quote", () => {
  expect(explainOrder(refused("who_knows", 500)).advice).toContain("r-7");
  expect(explainPage(refused("who_knows", 500)).advice).toContain("r-7");
});

test("an unknown code falls back to what its status means", () => {
  expect(explainOrder(refused("session_expired", 401)).step).toBe("sign_in");
  expect(explainPage(refused("gone", 404)).step).toBe("go_home");
});

test("a proxy's page is a refusal without a code", () => {
  const refusal = refusalOf(new Response("", { status: 502 }), "<html>Bad Gateway</html>");
  expect(refusal).toMatchObject({ code: "unknown", status: 502, requestId: "" });
  expect(explainPage(refusal).step).toBe("retry");
});
