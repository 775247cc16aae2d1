/** The rooms of the console: what they are called, where they are, and the key that leads there after `g`. */
import { computed } from "vue";
import { spoken } from "./language";

const names = spoken({
  zh: {
    today: "今日",
    campaigns: "活动",
    discounts: "优惠",
    listings: "商品挂载",
    segments: "人群",
    teams: "团与座位",
    webhooks: "通知投递",
    orders: "订单",
    products: "商品",
    payments: "付款",
    notifies: "网关通知",
    refunds: "退款",
    breaks: "对账",
    ledger: "账本",
    jobs: "任务",
    alarms: "告警",
    switches: "开关",
    sources: "来源与密钥",
    operators: "操作员",
    audit: "操作记录",
    selling: "营销",
    running: "拼团",
    trading: "商城",
    money: "资金",
    keeping: "系统",
  },
  en: {
    today: "Today",
    campaigns: "Campaigns",
    discounts: "Discounts",
    listings: "Listings",
    segments: "Segments",
    teams: "Teams & seats",
    webhooks: "Webhooks",
    orders: "Orders",
    products: "Products",
    payments: "Payments",
    notifies: "Notifies",
    refunds: "Refunds",
    breaks: "Reconciliation",
    ledger: "Ledger",
    jobs: "Jobs",
    alarms: "Alarms",
    switches: "Switches",
    sources: "Sources & keys",
    operators: "Operators",
    audit: "Audit log",
    selling: "Selling",
    running: "Group buying",
    trading: "Mall",
    money: "Money",
    keeping: "System",
  },
});

const ROOMS = [
  { id: "today", path: "/", key: "t", group: "" },
  { id: "campaigns", path: "/campaigns", key: "c", group: "selling" },
  { id: "discounts", path: "/discounts", key: "d", group: "selling" },
  { id: "listings", path: "/listings", key: "l", group: "selling" },
  { id: "segments", path: "/segments", key: "s", group: "selling" },
  { id: "teams", path: "/teams", key: "m", group: "running" },
  { id: "webhooks", path: "/webhooks", key: "w", group: "running" },
  { id: "orders", path: "/orders", key: "o", group: "trading" },
  { id: "products", path: "/products", key: "p", group: "trading" },
  { id: "jobs", path: "/jobs", key: "j", group: "trading" },
  { id: "alarms", path: "/alarms", key: "b", group: "trading" },
  { id: "payments", path: "/payments", key: "y", group: "money" },
  { id: "notifies", path: "/notifies", key: "n", group: "money" },
  { id: "refunds", path: "/refunds", key: "r", group: "money" },
  { id: "breaks", path: "/breaks", key: "e", group: "money" },
  { id: "ledger", path: "/ledger", key: "v", group: "money" },
  { id: "switches", path: "/switches", key: "x", group: "keeping" },
  { id: "sources", path: "/sources", key: "k", group: "keeping" },
  { id: "operators", path: "/operators", key: "u", group: "keeping" },
  { id: "audit", path: "/audit", key: "a", group: "keeping" },
] as const;

export type RoomId = (typeof ROOMS)[number]["id"];
export type Room = { id: RoomId; path: string; key: string; name: string };
export type RoomGroup = { name: string; rooms: Room[] };

export const rooms = computed<Room[]>(() => ROOMS.map((room) => ({ ...room, name: names.value[room.id] })));

export const roomGroups = computed<RoomGroup[]>(() =>
  (["", "trading", "money", "selling", "running", "keeping"] as const).map((group) => ({
    name: group && names.value[group],
    rooms: rooms.value.filter((_, index) => ROOMS[index]?.group === group),
  })),
);

export function roomName(id: RoomId): string {
  return names.value[id];
}
