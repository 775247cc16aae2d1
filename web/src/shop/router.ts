import { createRouter, createWebHistory } from "vue-router";
import { t } from "@/ui/language";

declare module "vue-router" {
  interface RouteMeta {
    title: string;
    tab?: true;
  }
}

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    {
      path: "/",
      component: () => import("./pages/HomePage.vue"),
      meta: { title: "一起买，更便宜", tab: true },
    },
    {
      path: "/p/:id",
      component: () => import("./pages/ProductPage.vue"),
      props: true,
      meta: { title: "商品" },
    },
    {
      path: "/t/:id",
      component: () => import("./pages/TeamPage.vue"),
      props: true,
      meta: { title: "一起拼团" },
    },
    {
      path: "/scan",
      component: () => import("./pages/ScanPage.vue"),
      meta: { title: "扫一扫参团" },
    },
    {
      path: "/login",
      component: () => import("./pages/LoginPage.vue"),
      meta: { title: "登录" },
    },
    {
      path: "/orders",
      component: () => import("./pages/OrdersPage.vue"),
      meta: { title: "我的订单", tab: true },
    },
    {
      path: "/orders/:number",
      component: () => import("./pages/OrderPage.vue"),
      props: true,
      meta: { title: "订单" },
    },
    {
      path: "/me",
      component: () => import("./pages/MePage.vue"),
      meta: { title: "我的", tab: true },
    },
    {
      path: "/:rest(.*)*",
      component: () => import("./pages/NotFoundPage.vue"),
      meta: { title: "页面不存在" },
    },
  ],
});

router.afterEach((to) => {
  document.title = `${t(to.meta.title)} · ${t("团")}`;
});

// After a deployment an open page asks for chunks that are gone: load the new shop instead.
router.onError((error, to) => {
  if (/dynamically imported module|module script failed/i.test(String(error)))
    window.location.assign(to.fullPath);
});
