import { afterEach, expect, test } from "vitest";
import { lasting } from "@/console/durations";
import { speak } from "@/console/language";
import { roomName } from "@/console/rooms";
import { refusalText } from "@/console/refusal-words";
import { shortId } from "@/console/short-id";
import { Refusal } from "@/api/refusal";

afterEach(() => speak("zh"));

test("everything on the page speaks the other language at once, and the browser remembers it", () => {
  expect(roomName("teams")).toBe("团与座位");
  speak("en");
  expect(roomName("teams")).toBe("Teams & seats");
  expect(lasting(1_440)).toBe("1 day");
  expect(document.documentElement.lang).toBe("en");
  expect(localStorage.getItem("tuan.console.language")).toBe("en");
});

test("minutes are said in the largest unit that is exact", () => {
  expect(lasting(2_880)).toBe("2 天");
  expect(lasting(90)).toBe("90 分钟");
  expect(lasting(120)).toBe("2 小时");
});

test("a refusal is told in Chinese, and in the service's words where it has a reason of its own", () => {
  expect(refusalText(new Refusal("last_admin", 409, "Somebody must be left.", ""))).toBe(
    "至少要留下一位管理员",
  );
  expect(refusalText(new Refusal("brand_new", 409, "Something new.", ""))).toBe("Something new.");
  expect(refusalText(new Refusal("invalid_request", 422, "body.name: too long", ""))).toBe(
    "有一项内容不合要求：body.name: too long",
  );
  expect(refusalText(new TypeError("Failed to fetch"))).toContain("连不上服务");
  expect(refusalText(new Refusal("unknown", 502, "", ""))).toBe("服务没有正常回答");
});

test("an id is short by its ends", () => {
  expect(shortId("01a21341-0664-72b6-adc8-da6e9c312ab2")).toBe("01a21341…12ab2");
  expect(shortId("9890001")).toBe("9890001");
});
