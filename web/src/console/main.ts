import "./theme.css";
import { PiniaColada } from "@pinia/colada";
import { PiniaColadaRetry } from "@pinia/colada-plugin-retry";
import { createPinia } from "pinia";
import { createApp } from "vue";
import { Refusal } from "@/api/refusal";
import { useClock } from "@/ui/clock";
import ConsoleApp from "./ConsoleApp.vue";
import { router } from "./router";

const app = createApp(ConsoleApp)
  .use(createPinia())
  .use(router)
  .use(PiniaColada, {
    queryOptions: { staleTime: 10_000 },
    plugins: [
      PiniaColadaRetry({
        retry: (failures, error) => failures < 1 && !(error instanceof Refusal && error.status < 500),
        delay: 600,
      }),
    ],
  });
window.setInterval(useClock().tick, 1_000);
app.mount("#app");
