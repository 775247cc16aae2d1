import { expect, test } from "vitest";
import { createApp } from "vue";
import MoneyText from "@/ui/MoneyText.vue";
import { yuan, yuanParts } from "@/ui/money";

test("whole yuan shows no fraction", () => {
  expect(yuan(10_000)).toBe("¥100");
  expect(yuan(0)).toBe("¥0");
});

test("fen are never lost to float arithmetic", () => {
  expect(yuan(1)).toBe("¥0.01");
  expect(yuan(29)).toBe("¥0.29");
  expect(yuan(5_440)).toBe("¥54.40");
  expect(yuan(Number.MAX_SAFE_INTEGER)).toBe("¥90071992547409.91");
});

test("money going back keeps its sign in front", () => {
  expect(yuan(-1_990)).toBe("-¥19.90");
  const page = document.createElement("div");
  createApp(MoneyText, { fen: -1_990 }).mount(page);
  expect(page.textContent).toBe("-¥19.90");
});

test("an amount that is not whole fen is refused", () => {
  expect(() => yuanParts(19.9)).toThrow(RangeError);
});
