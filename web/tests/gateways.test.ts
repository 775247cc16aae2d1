import { beforeEach, expect, test, vi } from "vitest";

const both = [
  { name: "alipay", title: "支付宝" },
  { name: "wechatpay", title: "微信支付" },
];

/** As on a page just opened, in a shop that takes these. */
async function opened(gateways: unknown, status = 200) {
  vi.resetModules();
  const body = JSON.stringify(status === 200 ? { gateways } : {});
  const headers = { "content-type": "application/json" };
  vi.stubGlobal(
    "fetch",
    vi.fn(() => Promise.resolve(new Response(body, { status, headers }))),
  );
  const { useWayToPay } = await import("@/shop/gateways");
  return async (ofOrder?: () => string | null) => {
    const ways = useWayToPay(ofOrder);
    await vi.waitFor(() => expect(fetch).toHaveResolved());
    await new Promise((resolve) => setTimeout(resolve));
    return ways;
  };
}

beforeEach(() => localStorage.clear());

test("the first is taken by who never chose, and what was chosen is remembered", async () => {
  const ask = await opened(both);
  const { way } = await ask();
  expect(way.value).toBe("alipay");

  way.value = "wechatpay";
  expect((await ask()).way.value).toBe("wechatpay");
  expect((await (await opened(both))()).way.value).toBe("wechatpay");
});

test("an order is paid again the way it was, unless its buyer picks another", async () => {
  localStorage.setItem("tuan.gateway", "wechatpay");
  const { way } = await (await opened(both))(() => "alipay");
  expect(way.value).toBe("alipay");

  way.value = "wechatpay";
  expect(way.value).toBe("wechatpay");
});

test("a way that is no longer offered is forgotten", async () => {
  localStorage.setItem("tuan.gateway", "wechatpay");
  expect((await (await opened(both.slice(0, 1)))()).way.value).toBe("alipay");
});

test("a mall that does not say offers nothing, and is asked again by the next", async () => {
  const ask = await opened(both, 503);
  expect((await ask()).way.value).toBeNull();
  await ask();
  expect(fetch).toHaveBeenCalledTimes(2);
});
