/** Where to go after signing in: a path of this shop, never another site, never the sign-in page itself. */
export function safeNext(next: unknown): string {
  if (typeof next !== "string" || !next.startsWith("/")) return "/";

  const here = window.location.origin;
  const target = URL.canParse(next, here) ? new URL(next, here) : null;
  if (target?.origin !== here || target.pathname === "/login") return "/";

  // A dot segment can leave a path of "//host", which a browser reads as another site.
  return target.pathname.startsWith("//") ? "/" : target.pathname + target.search + target.hash;
}
