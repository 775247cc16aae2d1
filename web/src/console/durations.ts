/** Minutes as people say them. */
import { spoken } from "./language";

const words = spoken({
  zh: {
    days: (n: number) => `${n} 天`,
    hours: (n: number) => `${n} 小时`,
    minutes: (n: number) => `${n} 分钟`,
  },
  en: {
    days: (n: number) => `${n} ${n === 1 ? "day" : "days"}`,
    hours: (n: number) => `${n} ${n === 1 ? "hour" : "hours"}`,
    minutes: (n: number) => `${n} ${n === 1 ? "minute" : "minutes"}`,
  },
});

/** In the largest unit that tells it exactly. */
export function lasting(minutes: number): string {
  if (minutes % 1440 === 0) return words.value.days(minutes / 1440);
  return minutes % 60 === 0 ? words.value.hours(minutes / 60) : words.value.minutes(minutes);
}
