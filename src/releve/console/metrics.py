"""The metrics: made at each scrape from what the watch holds; labels name hosts of the plan."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from releve import __version__
from releve.console.last_runs import LastRun
from releve.model.verdict import HostState
from releve.watch.snapshot import WatchedHost, WatchSnapshot

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


@dataclass(frozen=True)
class Measured:
    snapshot: WatchSnapshot
    runs: tuple[LastRun, ...] = ()
    is_journal_readable: bool = True
    hook: Mapping[str, int] = field(default_factory=dict)  # result to requests or suspicions


def render(measured: Measured) -> bytes:
    """As Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(measured))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterable[Metric]:
        yield from tell_watch(self._measured)
        yield from tell_hosts(self._measured.snapshot.hosts)
        yield from tell_runs(self._measured.runs)
        yield from tell_channels(self._measured.snapshot)


def tell_watch(measured: Measured) -> Iterator[Metric]:
    snapshot = measured.snapshot
    build = GaugeMetricFamily(
        "releve_build_info", "1; what runs", labels=["version", "python_version"]
    )
    build.add_metric([__version__, platform.python_version()], 1)
    yield build
    yield _gauge(
        "releve_watch_turn_age_seconds",
        "since the watch's loop last went round",
        snapshot.since_turn_seconds,
    )
    yield _gauge(
        "releve_watch_lag_seconds",
        "by how much its last round came later than it was due",
        snapshot.lag_seconds,
    )
    yield _gauge(
        "releve_storm_guard_open",
        "1: many hosts look dead, no run starts by itself",
        bool(snapshot.storm),
    )
    incidents = {identity for host in snapshot.hosts for identity in host.incident_ids}
    yield _gauge("releve_incidents_open", "incidents that are not over", len(incidents))
    yield _gauge(
        "releve_incidents_unsaved",
        "changes of incidents that the store has not taken yet",
        snapshot.unsaved,
    )
    yield _gauge(
        "releve_journal_readable", "0: the runs below may be old", measured.is_journal_readable
    )
    states = GaugeMetricFamily("releve_hosts", "watched hosts by state", labels=["state"])
    for state in HostState:
        states.add_metric([state.value], snapshot.count(state))
    yield states
    hook = CounterMetricFamily(
        "releve_hook_suspicions", "what came in at /hooks/alert, by result", labels=["result"]
    )
    for result, count in measured.hook.items():
        hook.add_metric([result], count)
    yield hook


def tell_hosts(hosts: Iterable[WatchedHost]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "releve_host_state", "1 for the state that the host is in", labels=["host", "state"]
    )
    confirmed = _by_host("releve_host_confirmed", "1: its state is confirmed")
    paused = _by_host("releve_host_paused", "1: no run of it starts by itself")
    age = _by_host("releve_host_reading_age_seconds", "since the last reading from inside")
    between = _by_host("releve_host_round_seconds", "between its last two readings from inside")
    for host in hosts:
        for each in HostState:
            state.add_metric([host.host, each.value], host.verdict.state is each)
        confirmed.add_metric([host.host], host.verdict.confirmed)
        paused.add_metric([host.host], host.is_paused)
        if host.reading_age_seconds is not None:
            age.add_metric([host.host], host.reading_age_seconds)
            between.add_metric([host.host], host.round_seconds)
    yield from (state, confirmed, paused, age, between)


def tell_runs(runs: Iterable[LastRun]) -> Iterator[Metric]:
    labels = ["host", "mode"]
    state = GaugeMetricFamily(
        "releve_last_run_state", "1 for the state of the last run", labels=[*labels, "state"]
    )
    seconds = GaugeMetricFamily(
        "releve_last_run_duration_seconds", "that the last run took, once ended", labels=labels
    )
    ended = GaugeMetricFamily(
        "releve_last_run_ended_timestamp_seconds", "when the last run ended", labels=labels
    )
    ready = _by_host("releve_drill_ready", "1: the last drill that ended found the host ready")
    for run in runs:
        record, names = run.record, [run.record.input.host, run.record.input.mode.value]
        state.add_metric([*names, record.state.value], 1)
        if record.ended_at is not None:
            seconds.add_metric(names, (record.ended_at - record.started_at).total_seconds())
            ended.add_metric(names, record.ended_at.timestamp())
        if run.readiness:
            ready.add_metric(names[:1], run.readiness == "ready")
    yield from (state, seconds, ended, ready)


def tell_channels(snapshot: WatchSnapshot) -> Iterator[Metric]:
    notices = CounterMetricFamily(
        "releve_notifications", "notices by channel and result", labels=["channel", "result"]
    )
    for result, counts in (("sent", snapshot.delivered), ("failed", snapshot.failed)):
        for channel, count in counts.items():
            notices.add_metric([channel, result], count)
    yield notices


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _by_host(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["host"])
