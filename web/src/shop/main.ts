import "vant/es/style/base.css";
import "@/ui/theme.css";
import { VueQueryPlugin, type VueQueryPluginOptions } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { createApp } from "vue";
import { Refusal } from "@/api/refusal";
import { useClock } from "@/ui/clock";
import ShopApp from "./ShopApp.vue";
import { router } from "./router";

const RETRIES_MAX = 2;

const queries: VueQueryPluginOptions = {
  queryClientConfig: {
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        networkMode: "always",
        retry: (failures, error) =>
          failures < RETRIES_MAX && !(error instanceof Refusal && error.status < 500),
        retryDelay: (attempt) => 600 * 2 ** attempt,
      },
    },
  },
};

const app = createApp(ShopApp).use(createPinia()).use(router).use(VueQueryPlugin, queries);
window.setInterval(useClock().tick, 1_000);
app.mount("#app");
