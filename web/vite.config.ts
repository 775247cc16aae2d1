import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

const backend = process.env.TUAN_ORIGIN ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: "false" },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { shop: "index.html" } },
  },
  server: { proxy: { "/api": backend, "/sandbox": backend } },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
});
