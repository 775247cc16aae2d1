import createClient from "openapi-fetch";
import type { paths } from "./mall";
import { refusalOf } from "./refusal";

export const mall = createClient<paths>({ baseUrl: "/api/mall", credentials: "same-origin" });

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The body of a good answer; anything else is thrown as a Refusal. */
export async function answered<T>(request: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await request;
  if (!response.ok) throw refusalOf(response, error);
  return data as T;
}
