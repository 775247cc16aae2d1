/**
 * Chinese is written where it is shown. Another language is a dictionary from it, fetched when somebody asks for
 * it: a shop that speaks Chinese carries none.
 */
import { shallowRef } from "vue";

export type Language = "zh-CN" | "en";
export type Dictionary = Readonly<Record<string, string>>;

const KEPT_AS = "tuan.language";
const dictionary = shallowRef<Dictionary | null>(null);
export const language = shallowRef<Language>("zh-CN");

/** The words in the language that is spoken, with `{name}` replaced by the value of that name. */
export function t(words: string, values: Record<string, string | number> = {}): string {
  const said = dictionary.value?.[words] ?? words;
  return said.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

export function keptLanguage(): Language {
  return localStorage.getItem(KEPT_AS) === "en" ? "en" : "zh-CN";
}

export async function speak(wanted: Language, english: () => Promise<Dictionary>) {
  dictionary.value = wanted === "en" ? await english() : null;
  language.value = wanted;
  document.documentElement.lang = wanted;
  localStorage.setItem(KEPT_AS, wanted);
}
