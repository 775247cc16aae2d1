import { expect, test, vi } from "vitest";
import { Refusal } from "@/api/refusal";
import type { Order, OrderBody } from "@/api/types";
import { newIdempotencyKey, usePlacing } from "@/shop/placing";

const body: OrderBody = { product_id: "9890001", kind: "alone" };
const order = { number: "1" } as Order;
type Place = (body: OrderBody, key: string) => Promise<Order>;

test("every retry of one sheet carries the same key", async () => {
  const place = vi.fn<Place>();
  place.mockRejectedValueOnce(new Refusal("unreachable", 503, "", ""));
  place.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  place.mockResolvedValueOnce(order);
  const { press, failure } = usePlacing(place);

  expect(await press(body)).toBeNull();
  expect(await press(body)).toBeNull();
  expect(failure.value).toBeInstanceOf(TypeError);
  expect(await press(body)).toBe(order);

  expect(failure.value).toBeNull();
  expect(new Set(place.mock.calls.map(([, key]) => key)).size).toBe(1);
});

test("two sheets are two orders", async () => {
  const place = vi.fn<Place>().mockResolvedValue(order);
  await usePlacing(place).press(body);
  await usePlacing(place).press(body);

  const [first, second] = place.mock.calls.map(([, key]) => key);
  expect(first).not.toBe(second);
});

test("a second press while the first is under way asks nothing", async () => {
  const place = vi.fn<Place>().mockResolvedValue(order);
  const { press } = usePlacing(place);
  const both = [press(body), press(body)];

  expect(await Promise.all(both)).toEqual([order, null]);
  expect(place).toHaveBeenCalledTimes(1);
});

test("a key is visible ASCII of a length the server accepts", () => {
  expect(newIdempotencyKey()).toMatch(/^[!-~]{8,64}$/);
});
