"""Is it alive, is it ready, and how much has it done: /healthz, /readyz, /metrics."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

import peewee
from flask import Blueprint, Response, current_app, jsonify, request
from peewee import fn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from bot import clock, doctor
from bot.config import Settings
from bot.models import MIGRATIONS, Delivery, Inbox, Tally
from bot.words import count
from ledger.database import pending, session

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """200 while this process answers."""
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> Response:
    """200 when database, schema and a worker are there; else 503, naming what is not."""
    missing = list(_missing())
    answer = jsonify(status="not ready" if missing else "ready", missing=missing)
    answer.status_code = 503 if missing else 200
    return answer


def _missing() -> Iterator[str]:
    try:
        if behind := pending(MIGRATIONS):
            yield f"schema: {count(len(behind), 'migration')} behind, run `flask migrate`"
            return
        with session():
            if not doctor.is_worker_alive():
                yield "worker: none has been alive for 30 seconds, run `flask worker`"
    except peewee.PeeweeException:
        yield "database: it does not answer"


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus's text format, for the bearer of METRICS_TOKEN alone; 404 for others."""
    settings: Settings = current_app.config["SETTINGS"]
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return Response(status=404)
    registry = CollectorRegistry()
    registry.register(Collector())
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4")


class Collector:
    """Reads the counters that were kept as things happened, and how long the two queues are."""

    def collect(self) -> Iterator[Metric]:
        """Every metric there is."""
        with session():
            yield from self._counters()
            yield from self._queue("inbox", Inbox, Inbox.received_at, ["new", "parked"])
            live = ["queued", "sending", "unknown", "parked"]
            yield from self._queue("outbox", Delivery, Delivery.made_at, live)

    def _counters(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        rows = Tally.select(Tally.name, Tally.label, fn.SUM(Tally.value)).group_by(
            Tally.name, Tally.label
        )
        for name, label, value in rows.tuples().iterator():
            pairs = [pair.split("=") for pair in label.split(",") if pair]
            labels = {key: quoted.strip('"') for key, quoted in pairs}
            family = families.setdefault(
                name, CounterMetricFamily(f"partyline_{name}", name, labels=list(labels))
            )
            family.add_metric(list(labels.values()), float(value))
        yield from families.values()

    def _queue(self, name: str, model: Any, since: Any, states: list[str]) -> Iterator[Metric]:
        depth = GaugeMetricFamily(f"partyline_{name}_rows", "Rows not done", labels=["state"])
        age = GaugeMetricFamily(f"partyline_{name}_oldest_seconds", "Age of the oldest row")
        now, oldest = clock.now(), None
        for state in states:
            rows = model.select(fn.COUNT(model.id), fn.MIN(since)).where(model.state == state)
            count, first = rows.tuples().get()
            depth.add_metric([state], count)
            if first is not None and state != "parked":
                first = since.python_value(first)
                oldest = min(oldest or first, first)
        age.add_metric([], (now - oldest).total_seconds() if oldest else 0)
        yield depth
        yield age
