/** The services as operators reach them. Where a session has ended, a request waits until somebody signs in. */
import createClient from "openapi-fetch";
import type { paths as MallPaths } from "@/api/mall";
import type { paths as MarketPaths } from "@/api/market";

let signInAgain: () => Promise<void> = () => new Promise(() => undefined);

/** Says who asks the operator to sign in again; requests go on when that is done. */
export function whenSignedOut(ask: () => Promise<void>) {
  signInAgain = ask;
}

async function throughSession(request: Request): Promise<Response> {
  const response = await fetch(request.clone());
  if (!(await isSignedOut(response))) return response;

  await signInAgain();
  return fetch(request);
}

async function isSignedOut(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return (
    typeof problem === "object" && problem !== null && "code" in problem && problem.code === "not_signed_in"
  );
}

const settings = { credentials: "same-origin" } as const;

export const mall = createClient<MallPaths>({ ...settings, baseUrl: "/api/mall", fetch: throughSession });
export const market = createClient<MarketPaths>({
  ...settings,
  baseUrl: "/api/market",
  fetch: throughSession,
});
