/** Signing in by a QR code that WeChat scans and its owner confirms: show, ask each second, renew, go on. */
import { useQueryCache } from "@pinia/colada";
import { onBeforeUnmount, ref, shallowRef } from "vue";
import { answered, mall } from "@/api/client";
import { Refusal } from "@/api/refusal";
import type { Buyer, Ticket } from "@/api/types";
import { useForgetting } from "./buyer";

const ASK_EVERY_MS = 1_000;
const AFTER_TROUBLE_MS = 3_000;

export function useSignIn(signedIn: (buyer: Buyer) => void) {
  const cache = useQueryCache();
  const forgetAll = useForgetting();
  const ticket = shallowRef<Ticket | null>(null);
  const failure = shallowRef<unknown>(null);
  const entering = ref(false);
  let timer = 0;
  let left = false;

  async function step() {
    try {
      await advance();
      failure.value = null;
      schedule(ASK_EVERY_MS);
    } catch (error) {
      if (isGone(error)) ticket.value = null;
      else failure.value = error;
      entering.value = false;
      schedule(isGone(error) ? 0 : AFTER_TROUBLE_MS);
    }
  }

  async function advance() {
    if (!ticket.value) {
      ticket.value = await answered(mall.POST("/v1/login/tickets"));
      return;
    }
    const path = { ticket_id: ticket.value.id };
    ticket.value = await answered(mall.GET("/v1/login/tickets/{ticket_id}", { params: { path } }));
    const { status } = ticket.value;
    if (status === "confirmed") return enter(path);
    if (status !== "waiting" && status !== "scanned")
      ticket.value = await answered(mall.POST("/v1/login/tickets"));
  }

  async function enter(body: { ticket_id: string }) {
    entering.value = true;
    const buyer = await answered(mall.POST("/v1/sessions", { body }));
    left = true;
    forgetAll();
    cache.setQueryData(["me"], buyer);
    signedIn(buyer);
  }

  function schedule(delayMs: number) {
    if (!left) timer = window.setTimeout(step, delayMs);
  }

  function retry() {
    window.clearTimeout(timer);
    void step();
  }

  void step();
  onBeforeUnmount(() => {
    left = true;
    window.clearTimeout(timer);
  });

  return { ticket, failure, entering, retry };
}

function isGone(error: unknown): boolean {
  return error instanceof Refusal && ["ticket_expired", "not_found"].includes(error.code);
}
