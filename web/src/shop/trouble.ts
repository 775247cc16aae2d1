/** What a page shows when it cannot be shown: fetched once the shop stands, so that it is there when the network is not. */
import { defineAsyncComponent } from "vue";

const fetchNote = () => import("./parts/TroubleNote.vue");

export const TroubleNote = defineAsyncComponent(fetchNote);

export function prepareForTrouble() {
  window.setTimeout(() => void fetchNote().catch(() => undefined), 3_000);
}
