"""Whatever comes in whatever order: fewer than two witnesses confirm no death."""

from hypothesis import given, settings
from hypothesis import strategies as st

from releve.model.reading import (
    Intent,
    Lost,
    ProviderReading,
    Silence,
    WriteOutcome,
)
from tests.watch.readings import LOST, Reading, Watched, inside, line, mount, outside

PAUSES = st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 31.0, 61.0, 700.0])

mounts = st.builds(
    mount,
    path=st.sampled_from(["/", "/data"]),
    write=st.sampled_from(WriteOutcome),
    intent=st.sampled_from(Intent),
    read_only_view=st.booleans(),
    read_only_filesystem=st.booleans(),
    emergency=st.booleans(),
    errors=st.sampled_from([0, 1, 2]),
)
insides = st.builds(
    inside,
    mounts,
    boot_id=st.sampled_from(["a", "b"]),
    kernel_lines=st.sampled_from([(), (line("EXT4-fs error (device vda1)"),)]),
)
losses = st.builds(Lost, st.sampled_from(Silence), st.just("gone"))
outsides = st.builds(outside, st.sampled_from(["++", "+-", "--", ""]), port=st.booleans())
providers = st.builds(ProviderReading, st.sampled_from(["running", "stopped", "missing"]))
readings = st.one_of(insides, losses, outsides, providers)


@given(st.lists(st.tuples(readings, PAUSES), max_size=25))
@settings(max_examples=300, deadline=None)
def test_a_death_is_confirmed_only_where_two_witnesses_stood_for_the_dwell(
    told: list[tuple[Reading, float]],
) -> None:
    host = Watched()
    two_since: float | None = None
    was_confirmed = False
    for reading, pause in told:
        judgement = host.tell(reading, after=pause)
        verdict = judgement.verdict
        two = verdict.is_dead and len({item.witness for item in verdict.testimonies}) > 1
        two_since = (host.at if two_since is None else two_since) if two else None
        confirmed = verdict.is_dead and verdict.confirmed
        if confirmed and not was_confirmed:
            assert two_since is not None
            assert host.at - two_since >= host.rules.dwell
        was_confirmed = confirmed
        assert judgement.wrong == () or judgement.wrong[0] == verdict
        assert verdict.reason.isprintable()


LOSSY = [LOST, outside("+"), outside("-"), outside("-", port=False)]


@given(st.lists(st.lists(st.sampled_from(LOSSY), max_size=3), max_size=20), st.data())
@settings(max_examples=200, deadline=None)
def test_loss_and_jitter_alone_are_no_death_of_a_host_that_answers_now_and_then(
    gaps: list[list[Reading]], data: st.DataObject
) -> None:
    host = Watched()
    for gap in gaps:
        host.tell(inside(), after=data.draw(st.floats(0.0, 14.0)))
        for reading in gap:
            verdict = host.tell(reading, after=data.draw(st.floats(0.0, 14.0))).verdict
            assert not verdict.is_dead, verdict.reason


@given(st.lists(st.tuples(st.one_of(losses, providers), PAUSES), max_size=40))
@settings(max_examples=100, deadline=None)
def test_nobody_is_dead_by_a_lost_line_that_nobody_looked_at_from_outside(
    told: list[tuple[Reading, float]],
) -> None:
    host = Watched()
    for reading, pause in told:
        assert not host.tell(reading, after=pause).verdict.is_dead
