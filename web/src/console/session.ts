/** Who works here. A session that ends is begun again over the open page, so that nothing typed is lost. */
import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";
import { answered } from "@/api/client";
import { mall, market, whenSignedOut } from "./api";
import type { Permission, SignedIn } from "./types";

export const useSession = defineStore("session", () => {
  const operator = shallowRef<SignedIn | null>(null);
  const ended = ref(false);
  let goOn = () => {};
  let begunAgain = Promise.resolve();

  const permissions = shallowRef<ReadonlySet<Permission>>(new Set());

  /** Who the browser's cookie says is here; asks for a sign-in, and waits for it, if it says nobody. */
  async function resume() {
    await enter(await answered(market.GET("/console/v1/me")));
  }

  async function signIn(name: string, password: string) {
    const known = operator.value;
    const body = { name, password };
    const signedIn = await answered(market.POST("/console/v1/sessions", { body }));
    // What somebody else began is not finished in this operator's name.
    if (known && known.id !== signedIn.id) return window.location.reload();

    await enter(signedIn);
    goOn();
  }

  /** The mall asks the market who is here, and says itself what they may do there: nothing, while it is away. */
  async function enter(signedIn: SignedIn) {
    const atMall = await mall.GET("/v1/console/me").catch(() => null);
    permissions.value = new Set([...signedIn.permissions, ...(atMall?.data?.permissions ?? [])]);
    // At once: with a moment between them, the sign-in over the open page would show itself and leave.
    operator.value = signedIn;
    ended.value = false;
  }

  async function signOut() {
    await answered(market.DELETE("/console/v1/sessions/current"));
    window.location.reload();
  }

  function signInAgain(): Promise<void> {
    if (!ended.value) {
      ended.value = true;
      begunAgain = new Promise((resolve) => (goOn = resolve));
    }
    return begunAgain;
  }

  function may(permission: Permission): boolean {
    return permissions.value.has(permission);
  }

  whenSignedOut(signInAgain);
  return { operator, ended, resume, signIn, signOut, may };
});
