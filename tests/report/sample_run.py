"""A run as its journal holds it, of the shape that the steps really leave."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releve.model.checks import CheckResult
from releve.model.converge import HostStats, TaskEvent
from releve.model.run import EventKind, JournalEvent, Phase, RunInput, RunRecord, RunState

BEGAN = datetime(2026, 11, 22, 18, 4, 9, tzinfo=UTC)
RUN_ID = "k3v9x2m7q1ab"
OLD = {"id": "5e1f0c3a-91", "name": "blog-1", "power": "running", "volumes": ["cow/blog-data"]}
NEW_NAME = f"blog-{RUN_ID}"

PHASES: Mapping[str, Phase] = {
    **dict.fromkeys(("gates", "confirm", "preconditions", "mark"), Phase.DECIDE),
    "fence": Phase.FENCE,
    **dict.fromkeys(
        ("reserve_port", "create_instance", "await_instance", "await_access"), Phase.CREATE
    ),
    **dict.fromkeys(
        (
            *("snapshot_volumes", "detach_volumes", "await_volumes"),
            *("attach_volumes", "mount_volumes"),
        ),
        Phase.MOVE,
    ),
    **dict.fromkeys(("prepare", "converge"), Phase.CONVERGE),
    "verify": Phase.VERIFY,
    **dict.fromkeys(("cut_over", "verify_outside"), Phase.CUTOVER),
    **dict.fromkeys(("quarantine", "promote", "close"), Phase.CLOSE),
    **dict.fromkeys(
        (
            *("autopsy_disk", "autopsy_helper", "autopsy_attach", "autopsy_words", "autopsy_scan"),
            *("autopsy_recovered", "autopsy_compare", "autopsy_clean", "autopsy_proof"),
        ),
        Phase.AUTOPSY,
    ),
    **dict.fromkeys(("undo_stop", "undo_detach", "undo_attach", "undo_fence"), Phase.UNDO),
}

VOLUMES = [
    {
        "name": "data",
        "id": "cow/blog-data",
        "size_bytes": 8 * 1024**3,
        "filesystem_uuid": "7c1d2a55-0d4e-4c5e-9a55-2f3c1b0de811",
        "mount_point": "/srv/data",
    },
    {
        "name": "backup",
        "id": "cow/blog-backup",
        "size_bytes": 21_474_836_480,
        "filesystem_uuid": "0a9e8c1b-66a1-4f0f-8a86-5d0c5a4f7d10",
        "mount_point": "/var/backups",
    },
]

_CHECKS = (
    ("http /posts/1", "status 200 as expected, 2 of 2 texts found"),
    ("http /uploads/fern.jpg", "status 200 as expected, certificate valid for 364 more days"),
    ("tcp 443", "port 443 takes connections, as expected"),
    ("unit mariadb.service", "mariadb.service is active, as expected"),
    ("pytest tests/test_blog.py", "14 of 14 tests passed"),
)


def checks_found(*, passed: bool, shell: bool = True) -> list[dict[str, Any]]:
    return [
        asdict(
            CheckResult(
                name=name,
                kind=name.split()[0],
                passed=passed,
                reason=reason if passed else "expected status 200, but found 500; read the log",
                seconds=0.05,
                vantage="public address",
            )
        )
        for name, reason in _CHECKS
        if shell or name.startswith(("http", "tcp"))
    ]


STATS = HostStats(host="blog.example", ok=92, changed=61, skipped=7, ignored=1)
CONVERGED = {
    "succeeded": True,
    "reason": "blog.example: 92 ok, 61 changed, nothing failed",
    "stats": [asdict(STATS)],
    "exit_code": 0,
    "seconds": 71.4,
    "accelerator": "mitogen 0.3.54",
    "failed_task": None,
    "tasks": 92,
}

# name, start, seconds, output
STEPS: Sequence[tuple[str, float, float, dict[str, Any]]] = (
    ("gates", 0.02, 0.03, {"epoch": 3}),
    (
        "confirm",
        0.02,
        0.84,
        {
            "verdict": "3 of 3 checks from outside fail; its root cannot be written: "
            "mktemp: Read-only file system",
            "checks": checks_found(passed=False, shell=False),
        },
    ),
    (
        "preconditions",
        0.06,
        0.41,
        {
            "old_instance": OLD,
            "volumes": VOLUMES,
            "address": "198.51.100.10",
            "image": {"id": "img-4", "name": "debian-12"},
        },
    ),
    ("mark", 0.9, 0.12, {"instance_id": OLD["id"]}),
    ("fence", 1.04, 1.61, {"instance_id": OLD["id"], "was_running": True}),
    ("reserve_port", 1.04, 0.02, {"port_id": ""}),
    ("create_instance", 1.07, 1.9, {"instance_id": "b7c0-22", "name": NEW_NAME}),
    (
        "snapshot_volumes",
        2.66,
        0.35,
        {
            "snapshots": [
                {"id": "s1", "volume_id": "cow/blog-data", "name": f"releve-{RUN_ID}"},
                {"id": "s2", "volume_id": "cow/blog-backup", "name": f"releve-{RUN_ID}"},
            ],
            "skipped": "",
        },
    ),
    ("await_instance", 2.98, 1.2, {"instance_id": "b7c0-22", "private_address": "10.9.0.14"}),
    ("detach_volumes", 3.02, 0.21, {"detached": ["cow/blog-data", "cow/blog-backup"]}),
    ("await_volumes", 3.24, 0.08, {}),
    ("await_access", 4.19, 2.4, {"address": "10.9.0.14", "host_keys": []}),
    ("attach_volumes", 4.2, 0.25, {"attached": ["cow/blog-data", "cow/blog-backup"]}),
    (
        "mount_volumes",
        6.6,
        0.3,
        {"volumes": [{**volume, "device": "/dev/sdb", "mounted": True} for volume in VOLUMES]},
    ),
    ("prepare", 6.6, 11.0, {**CONVERGED, "seconds": 11.0, "tasks": 20, "stats": []}),
    ("converge", 17.7, 71.5, CONVERGED),
    ("verify", 89.3, 2.2, {"checks": checks_found(passed=True)}),
    (
        "cut_over",
        91.6,
        0.2,
        {"address": "198.51.100.10", "from_instance": OLD["id"], "to_instance": "b7c0-22"},
    ),
    ("verify_outside", 91.8, 1.9, {"checks": checks_found(passed=True)}),
    (
        "quarantine",
        93.7,
        0.2,
        {
            "instance_id": OLD["id"],
            "name": OLD["name"],
            "expires": "2026-12-22T18:05:43+00:00",
        },
    ),
    ("promote", 93.9, 0.1, {"instance_id": "b7c0-22"}),
    ("close", 94.0, 0.05, {}),
)

DIGEST = "5f0c1d9e" * 8
SUPERBLOCK = {
    "filesystem": "ext4",
    "uuid": "6c1e5f0a-7d32-4c43-8f0e-0a1b2c3d4e5f",
    "label": "",
    "state": "clean with errors",
    "on_error": "remount read-only",
    "journal": "needs recovery",
    "error_count": 214,
    "first_error": {
        "at": "2026-11-22T17:51:02+00:00",
        "function": "ext4_find_entry",
        "line": 1455,
        "error": "EIO",
        "block": 8123456,
        "inode": 131,
    },
    "last_error": {
        "at": "2026-11-22T18:03:58+00:00",
        "function": "ext4_journal_check_start",
        "line": 83,
        "error": "EROFS",
        "block": 0,
        "inode": 0,
    },
    "mounted_at": "2026-08-01T04:11:00+00:00",
    "written_at": "2026-11-22T17:51:02+00:00",
    "notes": [],
}
LOST = [
    ("data_at_risk", "extra", "file", "/srv/old-uploads", "1,204 files in /srv/old-uploads"),
    (
        "security",
        "extra",
        "authorized_key",
        "deploy ssh-ed25519 AAAA",
        "a key of deploy may log in",
    ),
    (
        "configuration",
        "modified",
        "file",
        "/etc/php/8.2/fpm/php.ini",
        "php.ini was changed by hand",
    ),
    ("configuration", "extra", "cron", "root 0 4 * * * /opt/bin/export", "a job of root's crontab"),
    ("configuration", "extra", "package", "imagemagick", "package imagemagick is missing"),
]

# what the inquest leaves once the run is closed
INQUEST: Sequence[tuple[str, float, float, dict[str, Any]]] = (
    (
        "autopsy_disk",
        94.2,
        6.1,
        {
            "instance_id": OLD["id"],
            "name": OLD["name"],
            "filesystem": "ext4",
            "superblock": SUPERBLOCK,
            "digest": DIGEST,
            "why": "",
        },
    ),
    (
        "autopsy_helper",
        94.2,
        5.0,
        {"instance_id": "h1", "name": "helper", "address": "10.8.0.2", "host_keys": []},
    ),
    ("autopsy_attach", 100.4, 0.4, {"root": "/mnt/releve-dead"}),
    ("autopsy_recovered", 99.3, 1.6, {"scan_id": "r", "facts": 28_377, "complete": True}),
    (
        "autopsy_words",
        100.9,
        1.1,
        {
            "kernel": [
                {
                    "at": "2026-11-22T17:51:02+00:00",
                    "unit": "kernel",
                    "text": "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #131",
                },
                {
                    "at": "2026-11-22T17:51:02+00:00",
                    "unit": "kernel",
                    "text": "EXT4-fs (sda1): Remounting filesystem read-only",
                },
            ],
            "complaints": [
                {
                    "at": "2026-11-22T17:51:04+00:00",
                    "unit": "mariadb.service",
                    "text": "InnoDB: Error number 30 means 'Read-only file system'",
                }
            ],
            "source": "/var/log/journal",
            "why": "",
            "while_it_ran": ["[812345.1] EXT4-fs (sda1): I/O error while writing superblock"],
            "last_scan": {
                "taken_at": "2026-11-22T03:10:00+00:00",
                "active": 61,
                "failed": ["logrotate.service"],
            },
        },
    ),
    ("autopsy_scan", 100.9, 2.4, {"scan_id": "d", "facts": 28_412, "complete": True}),
    (
        "autopsy_compare",
        103.4,
        0.6,
        {
            "facts": 28_412,
            "came_back": 27_801,
            "noise": 412,
            "changed": 8,
            "missing": 179,
            "unknown": 12,
            "only_new": 22,
            "tiers": {"data_at_risk": 1, "security": 1, "configuration": 3},
            "finding_count": 5,
            "findings": [
                {
                    "fingerprint": f"{number:012x}",
                    "title": title,
                    "tier": tier,
                    "status": status,
                    "cause": cause,
                    "subject": subject,
                    "deviations": 1,
                }
                for number, (tier, status, cause, subject, title) in enumerate(LOST, start=11)
            ],
        },
    ),
    ("autopsy_clean", 103.4, 1.9, {"helper": ""}),
    ("autopsy_proof", 105.4, 6.0, {"digest": DIGEST, "why": ""}),
)

NAMES = tuple(name for name, *_ in STEPS)


def make_input(
    *, host: str = "blog.example", objectives: Mapping[str, str] | None = None
) -> RunInput:
    wanted = (
        {"total": "15m", "converge": "90s", "cutover": "1s"} if objectives is None else objectives
    )
    return RunInput(
        format=1,
        run_id=RUN_ID,
        host=host,
        epoch=3,
        plan={"version": 1, "host": {"image": "debian-12", "objectives": wanted}},
        repository="/srv/ansible",
        fingerprint="9f2c" * 16,
        steps=NAMES,
        proposed_at=BEGAN.isoformat(),
        commit="4be1c0ffee4be1c0ffee4be1c0ffee4be1c0ffee",
    )


def make_record(
    state: RunState = RunState.DONE, *, ended_after: float | None = 94.1, host: str = "blog.example"
) -> RunRecord:
    return RunRecord(
        input=make_input(host=host),
        state=state,
        started_at=BEGAN,
        ended_at=None if ended_after is None else BEGAN + timedelta(seconds=ended_after),
        next_action=f"Nothing is left to do; `releve runs show {RUN_ID}` has the report",
    )


def event(step: str, kind: EventKind, after: float, text: str = "", **data: Any) -> JournalEvent:
    return JournalEvent(
        run_id=RUN_ID,
        step=step,
        kind=kind,
        at=BEGAN + timedelta(seconds=after),
        text=text or f"{step} {kind.value}",
        data=data,
    )


def events_until(last: str = "close") -> list[JournalEvent]:
    """What the journal holds once `last` is done, in the order of its writing."""
    events = []
    for name, start, seconds, output in STEPS:
        events.append(event(name, EventKind.INTENT, start, "not there yet"))
        events.append(event(name, EventKind.DONE, start + seconds, seconds=seconds, output=output))
        if name == last:
            break
    return sorted(events, key=lambda item: item.at)


def events_with_inquest(changed: Mapping[str, dict[str, Any]] | None = None) -> list[JournalEvent]:
    """A whole recovery and its autopsy; `changed`: other outputs of some steps of it."""
    ends = [
        event(
            name,
            EventKind.DONE,
            start + seconds,
            seconds=seconds,
            output=(changed or {}).get(name, output),
        )
        for name, start, seconds, output in INQUEST
    ]
    return sorted([*events_until(), *ends], key=lambda item: item.at)


def halted_at(step: str, reason: str, remedy: str) -> list[JournalEvent]:
    before = NAMES[NAMES.index(step) - 1]
    start, seconds = next((s, t) for name, s, t, _ in STEPS if name == step)
    return [
        *events_until(before),
        event(step, EventKind.INTENT, start),
        event(step, EventKind.HALTED, start + seconds, reason, seconds=seconds, remedy=remedy),
    ]


def make_tasks(**changes: Any) -> list[TaskEvent]:
    names = (
        ("Install packages", "nginx", 24.1),
        ("Install MariaDB", "mariadb", 18.3),
        ("Wait until MariaDB answers", "mariadb", 4.2),
        ("Install PHP-FPM", "php", 9.9),
        ("Write the site's configuration", "nginx", 0.7),
        ("Load the firewall", "firewall", 0.4),
    )
    tasks = [
        TaskEvent(
            host="blog.example",
            play="blog",
            task=task,
            role=role,
            location=f"roles/{role}/tasks/main.yml:{number + 3}",
            action="ansible.builtin.apt",
            status="changed",
            started_at=BEGAN.isoformat(),
            seconds=seconds,
        )
        for number, (task, role, seconds) in enumerate(names)
    ]
    ignored = replace(
        tasks[-1], task="Ask the old monitor", status="ignored", message="Connection refused"
    )
    return [replace(task, **changes) for task in (*tasks, ignored)]
