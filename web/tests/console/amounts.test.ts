import { expect, test } from "vitest";
import { scaledOf, scaledText, signedText } from "@/console/scaled";

test("yuan become fen without float arithmetic", () => {
  expect(scaledOf("0.29", 2)).toBe(29);
  expect(scaledOf("12.5", 2)).toBe(1_250);
  expect(scaledOf(" 100 ", 2)).toBe(10_000);
  expect(scaledOf("7.", 2)).toBe(700);
  expect(scaledOf("99999999999.99", 2)).toBe(9_999_999_999_999);
});

test("what is no amount, or finer than a fen, is none", () => {
  for (const text of ["", "-1", "1.234", "1e3", "１２", "12,5", ".5", "123456789012"]) {
    expect(scaledOf(text, 2)).toBeNull();
  }
});

test("六六五折 are 6650 basis points, and 66.5 percent too", () => {
  expect(scaledOf("6.65", 3)).toBe(6_650);
  expect(scaledOf("66.5", 2)).toBe(6_650);
  expect(scaledText(6_650, 3)).toBe("6.65");
  expect(scaledText(6_650, 2)).toBe("66.5");
});

test("text and number lead to each other", () => {
  for (const fen of [0, 1, 10, 99, 100, 101, 1_990, 10_000_000_000]) {
    expect(scaledOf(scaledText(fen, 2), 2)).toBe(fen);
  }
  expect(scaledText(3, 0)).toBe("3");
  expect(signedText(-1_990, 2)).toBe("-19.9");
});
