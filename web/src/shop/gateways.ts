/** The ways to pay here, and the one that this browser took last. */
import { computed, ref, shallowRef } from "vue";
import { answered, mall } from "@/api/client";
import type { Gateway } from "@/api/types";

const KEPT = "tuan.gateway";

const offered = shallowRef<readonly Gateway[]>([]);
let asked: Promise<void> | null = null;

/** `way` is what was picked; or that of the order; or the last time's; or the first. Null until the mall says. */
export function useWayToPay(ofOrder: () => string | null = () => null) {
  asked ??= ask();
  const picked = ref<string | null>(null);

  const way = computed({
    get() {
      const wanted = picked.value ?? ofOrder() ?? localStorage.getItem(KEPT);
      return (offered.value.find(({ name }) => name === wanted) ?? offered.value[0])?.name ?? null;
    },
    set(name) {
      picked.value = name;
      if (name) localStorage.setItem(KEPT, name);
    },
  });
  return { offered, way };
}

async function ask() {
  try {
    offered.value = (await answered(mall.GET("/v1/settings"))).gateways;
  } catch {
    asked = null; // The next who wants to pay asks again.
  }
}

/** By a form, because it may change something: what is open at another gateway is closed there first. */
export function goToCashier(payUrl: string, gateway: string) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = payUrl;
  const field = form.appendChild(document.createElement("input"));
  field.type = "hidden";
  field.name = "gateway";
  field.value = gateway;
  document.body.append(form);
  form.submit();
}
