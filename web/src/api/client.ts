/** Asking the mall, in the shapes of its OpenAPI document. */
import type { paths } from "./mall";
import { refusalOf } from "./refusal";

const BASE = "/api/mall";

type Verb = "get" | "post" | "put" | "delete";
type PathsOf<V extends Verb> = {
  [P in keyof paths]: paths[P] extends Record<V, { responses: unknown }> ? P : never;
}[keyof paths];
type Given = { path?: Record<string, string>; query?: object; header?: Record<string, string> };
type Asked = { params?: Given; body?: unknown };

type Params<O> = O extends { parameters: infer P } ? Omit<P, "cookie"> : never;
type Needed<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] };
type Init<O> = (keyof Needed<Params<O>> extends never
  ? { params?: Pick<Params<O>, keyof Params<O>> }
  : { params: Params<O> }) &
  (O extends { requestBody: { content: { "application/json": infer B } } } ? { body: B } : object);
type Good<O> = O extends { responses: infer R }
  ? {
      [S in keyof R & (200 | 201)]: R[S] extends { content: { "application/json": infer T } } ? T : never;
    }[keyof R & (200 | 201)]
  : never;
type Args<O> = object extends Init<O> ? [init?: Init<O>] : [init: Init<O>];

export type Answer<T> = { data?: T; error?: unknown; response: Response };

function asking<V extends Verb>(verb: V) {
  return <P extends PathsOf<V>>(
    path: P,
    ...[init]: Args<paths[P][V & keyof paths[P]]>
  ): Promise<Answer<Good<paths[P][V & keyof paths[P]]>>> => ask(verb, String(path), init as Asked);
}

export const mall = {
  GET: asking("get"),
  POST: asking("post"),
  PUT: asking("put"),
  DELETE: asking("delete"),
};

/** The body of a good answer; anything else is thrown as a Refusal. */
export async function answered<T>(request: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await request;
  if (!response.ok) throw refusalOf(response, error);
  return data as T;
}

async function ask<T>(verb: Verb, path: string, { params, body }: Asked = {}): Promise<Answer<T>> {
  const response = await fetch(BASE + filled(path, params?.path) + queryOf(params?.query), {
    method: verb.toUpperCase(),
    headers: { ...params?.header, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const said: unknown = await response.json().catch(() => undefined);
  return response.ok ? { data: said as T, response } : { error: said, response };
}

function filled(path: string, values: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}

/** What is null, undefined or empty is left out; a list is said once for each of its values. */
function queryOf(values: object = {}): string {
  const said = Object.entries(values).flatMap(([name, value]: [string, unknown]) =>
    (Array.isArray(value) ? value : [value])
      .filter((one) => one !== null && one !== undefined && one !== "")
      .map((one) => [name, String(one)]),
  );
  return said.length ? `?${new URLSearchParams(said)}` : "";
}
