/** Teams filling before the buyer's eyes, by server-sent events of the market. */
import { onBeforeUnmount, reactive, watch } from "vue";
import type { Team } from "@/api/types";
import { useClock } from "@/ui/clock";

export type Progress = Pick<
  Team,
  "id" | "status" | "seats_target" | "seats_taken" | "seats_settled" | "closes_at"
>;

const WATCHED_MAX = 20;
const REOPEN_MS = 5_000;

/** A team that has formed or failed stays so, whatever was heard of it before. */
export function withProgress(team: Team, progress: Progress | undefined): Team {
  return progress && team.status === "forming" ? { ...team, ...progress } : team;
}

/** Watches the teams named; calls `changed` when one is no longer what the page was loaded with. */
export function useLiveTeams(teams: () => readonly Team[], changed: () => void) {
  const clock = useClock();
  const progress = reactive(new Map<string, Progress>());
  let source: EventSource | null = null;
  let reopening = 0;

  function open() {
    close();
    const watched = teams()
      .filter((team) => team.status === "forming")
      .slice(0, WATCHED_MAX);
    if (watched.length === 0 || document.hidden) return;

    const query = new URLSearchParams(watched.map((team) => ["id", team.id]));
    source = new EventSource(`/api/market/v1/teams/events?${query}`);
    source.addEventListener("team", hear);
    source.addEventListener("error", reopenIfGivenUp);
  }

  function close() {
    window.clearTimeout(reopening);
    source?.close();
    source = null;
  }

  function hear(event: MessageEvent<string>) {
    const { server_time, ...news } = JSON.parse(event.data) as Progress & { server_time: string };
    clock.observe(server_time);
    progress.set(news.id, news);

    const shown = teams().find((team) => team.id === news.id);
    if (shown && differs(shown, news)) changed();
  }

  // The browser reconnects by itself after a lost line, but gives up for good on a refused request.
  function reopenIfGivenUp() {
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    reopening = window.setTimeout(open, REOPEN_MS);
  }

  watch(() => forming(teams()), open, { immediate: true });
  document.addEventListener("visibilitychange", open);
  onBeforeUnmount(() => {
    document.removeEventListener("visibilitychange", open);
    close();
  });

  return progress;
}

function forming(teams: readonly Team[]): string {
  return teams
    .filter((team) => team.status === "forming")
    .map((team) => team.id)
    .sort()
    .join();
}

function differs(team: Team, news: Progress): boolean {
  return (
    team.status !== news.status ||
    team.seats_taken !== news.seats_taken ||
    team.seats_settled !== news.seats_settled
  );
}
