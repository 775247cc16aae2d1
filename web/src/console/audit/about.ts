/** Where the thing a record is about is found in the console; null if it has no page. */
export function pageOf(about: string): string | null {
  const [noun, id = ""] = split(about);
  switch (noun) {
    case "campaign":
      return `/campaigns/${id}`;
    case "segment":
      return `/segments/${id}`;
    case "source":
      return `/sources/${id}`;
    case "delivery":
      return `/webhooks/${id}`;
    case "order":
      return `/orders/${id}`;
    case "notify":
      return `/notifies/${id}`;
    case "switches":
      return "/switches";
    default:
      return null;
  }
}

export function split(about: string): [noun: string, id?: string] {
  const at = about.indexOf(":");
  return at < 0 ? [about] : [about.slice(0, at), about.slice(at + 1)];
}
