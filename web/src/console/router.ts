import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import { roomName, type RoomId } from "./rooms";

declare module "vue-router" {
  interface RouteMeta {
    room?: RoomId;
  }
}

function room(id: RoomId, path: string, component: RouteRecordRaw["component"]): RouteRecordRaw {
  return { path, component, props: true, meta: { room: id } } as RouteRecordRaw;
}

export const router = createRouter({
  history: createWebHistory("/console/"),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    room("today", "/", () => import("./today/TodayRoom.vue")),
    room("campaigns", "/campaigns", () => import("./campaigns/CampaignsRoom.vue")),
    room("campaigns", "/campaigns/new", () => import("./campaigns/CampaignFormPage.vue")),
    room("campaigns", "/campaigns/:id", () => import("./campaigns/CampaignPage.vue")),
    room("campaigns", "/campaigns/:id/edit", () => import("./campaigns/CampaignFormPage.vue")),
    room("discounts", "/discounts", () => import("./discounts/DiscountsRoom.vue")),
    room("listings", "/listings", () => import("./listings/ListingsRoom.vue")),
    room("segments", "/segments", () => import("./segments/SegmentsRoom.vue")),
    room("segments", "/segments/:id", () => import("./segments/SegmentPage.vue")),
    room("teams", "/teams", () => import("./teams/TeamsRoom.vue")),
    room("teams", "/teams/:id", () => import("./teams/TeamPage.vue")),
    room("webhooks", "/webhooks", () => import("./webhooks/WebhooksRoom.vue")),
    room("webhooks", "/webhooks/:event/:endpoint", () => import("./webhooks/DeliveryPage.vue")),
    room("orders", "/orders", () => import("./orders/OrdersRoom.vue")),
    room("orders", "/orders/:number", () => import("./orders/OrderPage.vue")),
    room("products", "/products", () => import("./products/ProductsRoom.vue")),
    room("payments", "/payments", () => import("./payments/PaymentsRoom.vue")),
    room("notifies", "/notifies", () => import("./notifies/NotifiesRoom.vue")),
    room("notifies", "/notifies/:id", () => import("./notifies/NotifyPage.vue")),
    room("refunds", "/refunds", () => import("./refunds/RefundsRoom.vue")),
    room("breaks", "/breaks", () => import("./books/BreaksRoom.vue")),
    room("ledger", "/ledger", () => import("./books/LedgerRoom.vue")),
    room("jobs", "/jobs", () => import("./jobs/JobsRoom.vue")),
    room("alarms", "/alarms", () => import("./alarms/AlarmsRoom.vue")),
    room("switches", "/switches", () => import("./switches/SwitchesRoom.vue")),
    room("sources", "/sources", () => import("./sources/SourcesRoom.vue")),
    room("sources", "/sources/:id", () => import("./sources/SourcePage.vue")),
    room("operators", "/operators", () => import("./operators/OperatorsRoom.vue")),
    room("audit", "/audit", () => import("./audit/AuditRoom.vue")),
    { path: "/:rest(.*)*", component: () => import("./parts/NowhereNote.vue") },
  ],
});

router.afterEach((to) => {
  document.title = [to.meta.room && roomName(to.meta.room), "团"].filter(Boolean).join(" · ");
});

// After a deployment an open page asks for chunks that are gone: load the new console instead.
router.onError((error, to) => {
  if (/dynamically imported module|module script failed/i.test(String(error)))
    window.location.assign(router.resolve(to.fullPath).href);
});
