/** The four ways a price drops, in words. */
import { yuan } from "@/ui/money";
import { language, spoken } from "../language";
import { scaledText } from "../scaled";
import type { Discount, DiscountBody, Plan } from "../types";

const names: { zh: Record<Plan, string>; en: Record<Plan, string> } = {
  zh: { amount_off: "直减", threshold: "满减", percent: "折扣", fixed_price: "一口价" },
  en: { amount_off: "Amount off", threshold: "Over, off", percent: "Percent", fixed_price: "Fixed price" },
};
export const planNames = spoken(names);

type Amounts = Pick<Discount, "plan" | "off_fen" | "over_fen" | "rate_bp" | "price_fen">;

const sentences = spoken({
  zh: {
    amount_off: (of: Amounts) => `减 ${yuan(of.off_fen)}`,
    threshold: (of: Amounts) => `满 ${yuan(of.over_fen)} 减 ${yuan(of.off_fen)}`,
    percent: (of: Amounts) => `${scaledText(of.rate_bp, 3)} 折`,
    fixed_price: (of: Amounts) => `只要 ${yuan(of.price_fen)}`,
  },
  en: {
    amount_off: (of: Amounts) => `${yuan(of.off_fen)} off`,
    threshold: (of: Amounts) => `${yuan(of.off_fen)} off from ${yuan(of.over_fen)}`,
    percent: (of: Amounts) => `pay ${scaledText(of.rate_bp, 2)}%`,
    fixed_price: (of: Amounts) => `for ${yuan(of.price_fen)}`,
  },
});

export function inWords(discount: Amounts): string {
  return sentences.value[discount.plan](discount);
}

/** 折 in Chinese, percent in English: the text differs, the basis points do not. */
export function ratePlaces(): number {
  return language.value === "zh" ? 3 : 2;
}

export function termsOf(discount: Amounts): DiscountBody["terms"] {
  switch (discount.plan) {
    case "amount_off":
      return { plan: discount.plan, off_fen: discount.off_fen };
    case "threshold":
      return { plan: discount.plan, over_fen: discount.over_fen, off_fen: discount.off_fen };
    case "percent":
      return { plan: discount.plan, rate_bp: discount.rate_bp };
    case "fixed_price":
      return { plan: discount.plan, price_fen: discount.price_fen };
  }
}
