import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import english from "@/shop/english";
import { language, speak, t } from "@/ui/language";

const HAN = /\p{Script=Han}/u;
const LITERAL = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g;
const COMMENTS = /\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->|(?<!:)\/\/[^\n]*/g;

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.(ts|vue)$/.test(entry.name) && !entry.name.startsWith("english") ? [path] : [];
  });
}

/** Every Chinese text a buyer may be shown: all are literals, in a script or within `t(…)` in a template. */
function written(): string[] {
  const texts = [...sources("src/shop"), ...sources("src/ui")].flatMap((path) => {
    const code = readFileSync(path, "utf8").replace(COMMENTS, "");
    const literals = [...code.matchAll(LITERAL)].map(
      ([, double, single, back]) => double ?? single ?? back ?? "",
    );
    const inner = literals.flatMap((text) =>
      [...text.matchAll(LITERAL)].map(([, double, single]) => double ?? single ?? ""),
    );
    return [...literals.filter((text) => !/\bt\(/.test(text)), ...inner];
  });
  return [...new Set(texts.filter((text) => HAN.test(text)))];
}

function bare(): string[] {
  return sources("src/shop").flatMap((path) => {
    const code = readFileSync(path, "utf8").replace(COMMENTS, "").replace(LITERAL, "");
    return code
      .split("\n")
      .filter((line) => HAN.test(line))
      .map((line) => `${path}: ${line.trim()}`);
  });
}

function places(text: string): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();
}

describe("the shop in English", () => {
  afterEach(() => speak("zh-CN", async () => english));

  it("has a text for every Chinese one, and none for those that are gone", () => {
    expect(Object.keys(english).sort()).toEqual(written().sort());
  });

  it("leaves no Chinese bare in a template", () => {
    expect(bare()).toEqual([]);
  });

  it("names the same places for values", () => {
    for (const [chinese, text] of Object.entries(english))
      expect(places(text), chinese).toEqual(places(chinese));
  });

  it("speaks once it is asked to, and Chinese before and after", async () => {
    expect(t("还差 {n} 人", { n: 2 })).toBe("还差 2 人");
    await speak("en", async () => english);
    expect(t("还差 {n} 人", { n: 2 })).toBe("2 to go");
    expect([language.value, document.documentElement.lang]).toEqual(["en", "en"]);
    await speak("zh-CN", async () => english);
    expect(t("还差 {n} 人", { n: 2 })).toBe("还差 2 人");
  });
});
