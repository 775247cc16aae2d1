/** What the server said no to, by its stable code. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    detail: string,
    readonly requestId: string,
  ) {
    super(detail);
    this.name = "Refusal";
  }
}

/** Reads a problem document; a proxy's HTML error page becomes a refusal without a code of ours. */
export function refusalOf(response: Response, body: unknown): Refusal {
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (field: string) => (typeof problem[field] === "string" ? problem[field] : "");
  return new Refusal(text("code") || "unknown", response.status, text("detail"), text("request_id"));
}
