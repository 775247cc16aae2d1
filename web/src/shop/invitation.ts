/** An invitation is a link to a team, shown as a QR code, on a poster, or read from a picture of either. */
export type Invitation = {
  teamId: string;
  title: string;
  picture: string;
  payableFen: number;
  listFen: number;
  seatsTarget: number;
  seatsTaken: number;
};

const TEAM_PATH = /^\/t\/([\w.:*|-]{1,64})\/?$/;

export function invitationLink(teamId: string): string {
  return `${window.location.origin}/t/${teamId}`;
}

/** The team that a scanned text invites to; null when it is no invitation. Its host is not believed. */
export function teamInvitedTo(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, pathname } = new URL(text);
  return /^https?:$/.test(protocol) ? (TEAM_PATH.exec(pathname)?.[1] ?? null) : null;
}
