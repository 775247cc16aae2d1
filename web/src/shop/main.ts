import "vant/es/style/base.css";
import "@/ui/theme.css";
import { PiniaColada } from "@pinia/colada";
import { PiniaColadaRetry } from "@pinia/colada-plugin-retry";
import { createPinia } from "pinia";
import { createApp } from "vue";
import { Refusal } from "@/api/refusal";
import { useClock } from "@/ui/clock";
import { speakShop } from "./language";
import ShopApp from "./ShopApp.vue";
import { router } from "./router";
import { prepareForTrouble } from "./trouble";

const RETRIES_MAX = 2;

const app = createApp(ShopApp)
  .use(createPinia())
  .use(router)
  .use(PiniaColada, {
    queryOptions: { staleTime: 5_000 },
    plugins: [
      PiniaColadaRetry({
        retry: (failures, error) =>
          failures < RETRIES_MAX && !(error instanceof Refusal && error.status < 500),
        delay: (attempt) => 600 * 2 ** attempt,
      }),
    ],
  });
window.setInterval(useClock().tick, 1_000);
void speakShop().finally(() => app.mount("#app"));
prepareForTrouble();
