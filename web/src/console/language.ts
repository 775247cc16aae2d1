/** Which language the console speaks: Chinese, or English by a switch that this browser remembers. */
import { computed, readonly, ref, type ComputedRef } from "vue";

export type Language = "zh" | "en";

const KEPT = "tuan.console.language";
const LANG = { zh: "zh-CN", en: "en" } as const;

const spokenNow = ref<Language>(localStorage.getItem(KEPT) === "en" ? "en" : "zh");
document.documentElement.lang = LANG[spokenNow.value];

export const language = readonly(spokenNow);

export function speak(wanted: Language) {
  spokenNow.value = wanted;
  localStorage.setItem(KEPT, wanted);
  document.documentElement.lang = LANG[wanted];
}

/** The words of one room. English that lacks a word, or has one too many, does not compile. */
export function spoken<Words extends object>(words: { zh: Words; en: NoInfer<Words> }): ComputedRef<Words> {
  return computed(() => words[spokenNow.value]);
}
