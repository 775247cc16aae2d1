import { defineStore } from "pinia";
import { ref } from "vue";

/** The server's time, as this page knows it: buyers' own clocks are often wrong by minutes. */
export const useClock = defineStore("clock", () => {
  const offsetMs = ref(0);
  const nowMs = ref(Date.now());

  function observe(serverTime: string) {
    offsetMs.value = Date.parse(serverTime) - Date.now();
    tick();
  }

  function tick() {
    nowMs.value = Date.now() + offsetMs.value;
  }

  return { nowMs, observe, tick };
});
