import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { market, whenSignedOut } from "@/console/api";

const SWITCHES = { downgraded: false };
const signedOut = () => Response.json({ code: "not_signed_in" }, { status: 401 });

let signIn: () => void;
beforeEach(() => whenSignedOut(() => new Promise((resolve) => (signIn = resolve))));
afterEach(() => vi.unstubAllGlobals());

test("a request whose session has ended waits for a sign-in, and is sent again as it was", async () => {
  const sent: string[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    sent.push(`${request.method} ${await request.text()}`);
    return sent.length === 1 ? signedOut() : Response.json(SWITCHES);
  });
  const body = {
    downgraded: true,
    rollout_percent: 1,
    blocked: [],
    locks_per_minute: 1,
    quotes_per_second: 1,
    reason: "x",
  };
  const asked = market.PUT("/console/v1/switches", { body });
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  signIn();

  expect((await asked).data).toEqual(SWITCHES);
  expect(sent[0]).toBe(sent[1]);
  expect(sent[0]).toContain('"reason":"x"');
});

test("a wrong password is an answer, and nobody is asked to sign in", async () => {
  const refused = () => Response.json({ code: "wrong_name_or_password" }, { status: 401 });
  vi.stubGlobal("fetch", async () => refused());
  const { response } = await market.POST("/console/v1/sessions", { body: { name: "a", password: "b" } });
  expect(response.status).toBe(401);
});
