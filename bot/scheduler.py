"""How APScheduler runs the jobs that app.py lists. It holds no state: any worker may tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = structlog.get_logger()

Job = tuple[str, int, Callable[[], Any]]  # its name, seconds between two runs, what it does


def build(jobs: list[Job]) -> BackgroundScheduler:
    """A scheduler of these jobs; one that is late runs once, and one that runs is not run twice."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for name, every_s, run in jobs:
        scheduler.add_job(
            _told(name, run),
            IntervalTrigger(seconds=every_s, timezone="UTC"),
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    return scheduler


def _told(name: str, run: Callable[[], Any]) -> Callable[[], None]:
    def job() -> None:
        try:
            run()
        except Exception:
            log.exception("job.failed", job=name)  # it runs again at its next time

    return job
