/** Pressing 去支付 once, however often it has to be pressed. */
import { ref, shallowRef } from "vue";
import type { Order, OrderBody } from "@/api/types";
import { placeOrder } from "./orders";

/** One opened sheet: its key is made here and goes with every retry, so that a retry is the same order. */
export function usePlacing(place: typeof placeOrder = placeOrder) {
  const idempotencyKey = newIdempotencyKey();
  const busy = ref(false);
  const failure = shallowRef<unknown>(null);

  async function press(body: OrderBody): Promise<Order | null> {
    if (busy.value) return null;
    busy.value = true;
    failure.value = null;

    try {
      return await place(body, idempotencyKey);
    } catch (error) {
      failure.value = error;
      return null;
    } finally {
      busy.value = false;
    }
  }

  return { press, busy, failure };
}

/** `crypto.randomUUID` is missing on plain http pages; these random bytes are not. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
