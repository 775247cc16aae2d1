/** The keyboard: `/` searches, `g` and a letter go to a room, `n` makes a new one, `j` and `k` walk the rows. */
import { onBeforeUnmount, onMounted } from "vue";

const SECOND_KEY_WITHIN_MS = 1_500;

export type Keys = {
  go: (letter: string) => void;
  help: () => void;
};

/** What one key press means here, given the one before it; null if nothing. */
export type Meaning = { act: "go"; letter: string } | { act: "help" | "search" | "new" | "down" | "up" };

export function meaningOf(key: string, afterG: boolean): Meaning | null {
  if (afterG && /^[a-z]$/.test(key)) return { act: "go", letter: key };
  switch (key) {
    case "?":
      return { act: "help" };
    case "/":
      return { act: "search" };
    case "n":
      return { act: "new" };
    case "j":
      return { act: "down" };
    case "k":
      return { act: "up" };
    default:
      return null;
  }
}

export function useKeys(keys: Keys) {
  let pressedG = -Infinity;

  function press(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || isDialogOpen()) return;

    const meaning = meaningOf(event.key, event.timeStamp - pressedG < SECOND_KEY_WITHIN_MS);
    pressedG = event.key === "g" && meaning === null ? event.timeStamp : -Infinity;
    if (meaning === null) return;

    event.preventDefault();
    act(meaning, keys);
  }

  onMounted(() => document.addEventListener("keydown", press));
  onBeforeUnmount(() => document.removeEventListener("keydown", press));
}

function act(meaning: Meaning, keys: Keys) {
  switch (meaning.act) {
    case "go":
      return keys.go(meaning.letter);
    case "help":
      return keys.help();
    case "search":
      return document.querySelector<HTMLInputElement>("[data-search] input")?.focus();
    case "new":
      return document.querySelector<HTMLElement>("[data-new] button")?.click();
    case "down":
      return step(1);
    case "up":
      return step(-1);
  }
}

function step(by: number) {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row === document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable='true']");
}

function isDialogOpen(): boolean {
  const dialogs = document.querySelectorAll("[role='dialog'][aria-modal='true']");
  return [...dialogs].some((dialog) => dialog.checkVisibility());
}
