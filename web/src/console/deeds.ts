/** Before something weighty is done, the operator reads what it will do, and says why. */
import { defineStore } from "pinia";
import { shallowRef } from "vue";

export type Deed = {
  title: string;
  /** What will happen, in words; a line each. */
  consequences: string[];
  confirm: string;
  reason: "required" | "welcome" | "none";
  danger?: boolean;
  act: (reason: string) => Promise<unknown>;
};

export const useDeeds = defineStore("deeds", () => {
  const current = shallowRef<Deed | null>(null);
  let answer: (done: boolean) => void = () => {};

  /** True once it is done; false if the operator thought better of it. */
  function ask(deed: Deed): Promise<boolean> {
    current.value = deed;
    return new Promise((resolve) => (answer = resolve));
  }

  function close(done: boolean) {
    current.value = null;
    answer(done);
  }

  return { current, ask, close };
});
