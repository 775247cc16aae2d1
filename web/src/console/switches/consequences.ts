/** What turning the switches will do, a sentence each; none where nothing changes. */
import type { Switches } from "../types";
import { words } from "./words";

export function consequencesOf(before: Switches, after: Switches): string[] {
  const w = words.value;
  const lines: string[] = [];
  if (before.downgraded !== after.downgraded) lines.push(after.downgraded ? w.goesOn : w.goesOff);
  if (before.rollout_percent !== after.rollout_percent)
    lines.push(w.rolloutGoes(before.rollout_percent, after.rollout_percent));
  if (before.locks_per_minute !== after.locks_per_minute)
    lines.push(w.locksGo(before.locks_per_minute, after.locks_per_minute));
  if (before.quotes_per_second !== after.quotes_per_second)
    lines.push(w.quotesGo(before.quotes_per_second, after.quotes_per_second));

  const [were, are] = [pairs(before), pairs(after)];
  lines.push(...are.filter((pair) => !were.includes(pair)).map(w.blocks));
  lines.push(...were.filter((pair) => !are.includes(pair)).map(w.unblocks));
  return lines;
}

function pairs({ blocked }: Switches): string[] {
  return blocked.map(({ source, channel }) => `${source} / ${channel}`);
}
