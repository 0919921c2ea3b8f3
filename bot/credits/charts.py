"""A report's chart as a picture, for where Slack draws none itself."""

from __future__ import annotations

import io
from collections.abc import Mapping

from bot.credits import usage
from bot.credits.usage import Report

MOST_BARS = 31
COLOURS, INK = ("#7fb3d5", "#1f3a5f", "#d98f4e"), "#333333"


def draw(report: Report, people: Mapping[str, str]) -> tuple[bytes, str]:
    """The picture as PNG, and what it says in words for who cannot see it."""
    # Half a second and many megabytes: only where a picture is drawn.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    bars = usage.bars(report, MOST_BARS)
    labels = [people.get(bar.label, bar.label)[:24] for bar in bars]
    figure = Figure(figsize=(9, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(bars))
    foot = [0] * len(bars)
    for (name, place), colour in zip(usage.stacks(report).items(), COLOURS, strict=False):
        heights = [int(bar[place]) for bar in bars]
        axes.bar(places, heights, bottom=foot, color=colour, label=name)
        foot = [sum(pair) for pair in zip(foot, heights, strict=True)]
    axes.set_xticks(list(places), labels, rotation=60 if len(bars) > 8 else 0, ha="right" if
                    len(bars) > 8 else "center", parse_math=False)  # fmt: skip
    axes.set_ylabel("Credits")
    axes.set_title(report.title, color=INK, loc="left", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    said = ", ".join(f"{label}: {high:,}" for label, high in zip(labels, foot, strict=True))
    return picture.getvalue(), f"{report.title}. Credits: {said}"[:1000]
