import { expect, test } from "vitest";
import { meaningOf } from "@/console/keys";
import { rooms } from "@/console/rooms";

test("a letter after g is a room, whatever it means by itself", () => {
  expect(meaningOf("n", true)).toEqual({ act: "go", letter: "n" });
  expect(meaningOf("n", false)).toEqual({ act: "new" });
  expect(meaningOf("g", false)).toBeNull();
  expect(meaningOf("?", true)).toEqual({ act: "help" });
  expect(meaningOf("/", true)).toEqual({ act: "search" });
});

test("each room has a letter of its own, and none is g", () => {
  const letters = rooms.value.map((room) => room.key);
  expect(new Set(letters).size).toBe(letters.length);
  expect(letters).not.toContain("g");
});
