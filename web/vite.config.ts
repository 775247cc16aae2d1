import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

const backend = process.env.TUAN_ORIGIN ?? "http://127.0.0.1:8080";
const PAGES = { shop: "index.html", console: "console/index.html" };

// Shop and console are built apart (`--mode console`): buyers download nothing that is there for operators.
export default defineConfig(({ mode }) => {
  const page = mode === "console" ? "console" : "shop";
  return {
    plugins: [vue()],
    resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
    define: { __VUE_OPTIONS_API__: "false" },
    build: {
      target: "es2022",
      modulePreload: { polyfill: false },
      emptyOutDir: page === "shop",
      copyPublicDir: page === "shop",
      chunkSizeWarningLimit: 600, // ECharts, which loads after the room it is drawn in.
      rolldownOptions: { input: { [page]: PAGES[page] } },
    },
    server: {
      proxy: {
        "/api": backend,
        "/sandbox": backend,
        "^/console(/|$)": { target: backend, bypass: () => "/console/index.html" },
      },
    },
    test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
  };
});
