"""A report's chart as a picture, for where Slack draws none itself."""

from __future__ import annotations

import io
from collections.abc import Mapping

from bot.credits import usage
from bot.credits.usage import Report

MOST_BARS = 31
IN, OUT, INK = "#7fb3d5", "#1f3a5f", "#333333"


def draw(report: Report, people: Mapping[str, str]) -> tuple[bytes, str]:
    """The picture as PNG, and what it says in words for who cannot see it."""
    # Half a second and many megabytes: only where a picture is drawn.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    bars = usage.bars(report, MOST_BARS)
    labels = [people.get(label, label)[:24] for label, _, _ in bars]
    figure = Figure(figsize=(9, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(bars))
    inbound, outbound = [bar[1] for bar in bars], [bar[2] for bar in bars]
    axes.bar(places, inbound, color=IN, label="Texts in")
    axes.bar(places, outbound, bottom=inbound, color=OUT, label="Texts out")
    axes.set_xticks(list(places), labels, rotation=60 if len(bars) > 8 else 0, ha="right" if
                    len(bars) > 8 else "center", parse_math=False)  # fmt: skip
    axes.set_ylabel("Credits")
    axes.set_title(report.title, color=INK, loc="left", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    said = ", ".join(
        f"{label}: {in_ + out:,}" for label, (_, in_, out) in zip(labels, bars, strict=True)
    )
    return picture.getvalue(), f"{report.title}. Credits: {said}"[:1000]
