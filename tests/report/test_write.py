"""A report is on disk whole, or not at all."""

import json
import os
import resource
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from releve.errors import ReleveError
from releve.recovery.report.build import build_report
from releve.recovery.report.types import Report
from releve.recovery.report.write import find_report, report_directory, write_report
from tests.report.sample_run import PHASES, RUN_ID, events_until, make_record, make_tasks


@pytest.fixture
def report() -> Report:
    return build_report(make_record(), events_until(), make_tasks(), phases=PHASES)


def test_three_files_are_written_for_their_owner_only(report: Report, tmp_path: Path) -> None:
    paths = write_report(report, report_directory(tmp_path), "fr")
    assert sorted(path.name for path in report_directory(tmp_path).iterdir()) == [
        f"{RUN_ID}.html",
        f"{RUN_ID}.json",
        f"{RUN_ID}.md",
    ]
    for path in (paths.json, paths.markdown, paths.html):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(paths.json.read_text())["run"]["run_id"] == RUN_ID
    assert find_report(tmp_path, RUN_ID) == paths


def test_writing_again_replaces(report: Report, tmp_path: Path) -> None:
    first = write_report(report, tmp_path, "en").html.read_text()
    second = write_report(report, tmp_path, "fr").html.read_text()
    assert ('lang="en"' in first, 'lang="fr"' in second) == (True, True)
    assert len(list(tmp_path.iterdir())) == 3


def test_run_that_wrote_no_report_has_none(tmp_path: Path) -> None:
    assert find_report(tmp_path, RUN_ID) is None


@pytest.mark.parametrize("run_id", ["../../etc/x", "", "a/b", "A" * 12, "a\x00b", "a" * 99])
def test_run_id_is_never_a_path(report: Report, tmp_path: Path, run_id: str) -> None:
    other = replace(report, run=replace(report.run, run_id=run_id))
    with pytest.raises(ReleveError, match="cannot be named after its run"):
        write_report(other, tmp_path / "reports", "en")
    assert not (tmp_path / "reports").exists()


def test_place_that_cannot_be_written_is_told(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReleveError) as caught:
        write_report(report, tmp_path / "file", "en")
    assert "--report" in caught.value.remedy


def test_full_disk_leaves_the_old_report_whole(report: Report, tmp_path: Path) -> None:
    """In a child whose files may not grow past the report's size."""
    paths = write_report(report, tmp_path, "en")
    before = paths.html.read_bytes()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _write_with_little_room(report, tmp_path)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert paths.html.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in (paths.json, paths.markdown, paths.html)
    )


def _write_with_little_room(report: Report, directory: Path) -> int:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        write_report(report, directory, "fr")
    except ReleveError:
        return 7
    return 0
