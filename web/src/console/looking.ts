/** Reads again, now and then, while somebody looks. */
import { onScopeDispose, watch } from "vue";

/** `everyMs` says how often; null while there is nothing to wait for. */
export function useLooking(read: () => Promise<unknown>, everyMs: () => number | null) {
  let timer = 0;

  function wait(ms: number | null) {
    window.clearTimeout(timer);
    if (ms !== null) timer = window.setTimeout(look, ms);
  }

  async function look() {
    if (!document.hidden) await read();
    wait(everyMs());
  }

  watch(everyMs, wait, { immediate: true });
  onScopeDispose(() => wait(null));
}
