/** What a change changed, field by field, as an operator reads it. */
import { yuan } from "@/ui/money";
import { beijing } from "../moments";
import { scaledText } from "../scaled";
import { fieldWords } from "./field-words";

export type Change = { field: string; before: string; after: string };

const ABSENT = "—";
const CHOICES = new Set(["status", "role", "plan"]);

/** Fields that differ; of something new, all that say something. */
export function changesOf(before: unknown, after: unknown): Change[] {
  const [were, are] = [flat(before), flat(after)];
  return [...new Set([...were.keys(), ...are.keys()])]
    .map((path) => ({ path, before: were.get(path), after: are.get(path) }))
    .filter(({ before, after }) => JSON.stringify(before ?? null) !== JSON.stringify(after ?? null))
    .map(({ path, before, after }) => ({
      field: path.split(".").map(named).join(" · "),
      before: shown(path, before),
      after: shown(path, after),
    }));
}

function flat(state: unknown, prefix = ""): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  if (!isObject(state)) return leaves;
  for (const [key, value] of Object.entries(state)) {
    const path = prefix ? `${prefix}.${key}` : key;
    if (isObject(value)) for (const [inner, leaf] of flat(value, path)) leaves.set(inner, leaf);
    else if (path === key || key !== "id") leaves.set(path, value); // What a part is numbered says nothing.
  }
  return leaves;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function named(key: string): string {
  return fieldWords.value.fields[key] ?? key;
}

function shown(path: string, value: unknown): string {
  const key = path.split(".").at(-1) ?? path;
  if (value === null || value === undefined || value === "") return ABSENT;
  if (typeof value === "boolean") return value ? fieldWords.value.yes : fieldWords.value.no;
  if (typeof value === "number" && key.endsWith("_fen")) return yuan(value);
  if (typeof value === "number" && key.endsWith("_bp")) return `${scaledText(value, 2)}%`;
  if (typeof value === "string" && key.endsWith("_at")) return beijing(value);
  if (typeof value === "string") return (CHOICES.has(key) && fieldWords.value.values[value]) || value;
  if (Array.isArray(value)) return value.length ? value.map(item).join("，") : ABSENT;
  return JSON.stringify(value);
}

function item(value: unknown): string {
  return Array.isArray(value)
    ? value.join(" / ")
    : isObject(value)
      ? Object.values(value).join(" / ")
      : `${value}`;
}
