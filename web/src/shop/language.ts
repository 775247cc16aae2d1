/** The languages of the shop. */
import { keptLanguage, speak, type Language } from "@/ui/language";

export function speakShop(wanted: Language = keptLanguage()): Promise<void> {
  return speak(wanted, async () => (await import("./english")).default);
}
