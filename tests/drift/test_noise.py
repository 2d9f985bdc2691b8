"""What is learned as noise, and above all what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.drift.compare import compare
from releve.drift.noise import FROM_LIVE, Mask, generalise, learn
from releve.drift.security import is_security_path
from releve.model.finding import Deviation, DeviationStatus
from releve.model.noise import EVERY_ATTRIBUTE, NoiseMark
from releve.model.observed import Fact, FactKind
from tests.drift.machines import Machine, make_server

NAMES = st.text("abf019.-", min_size=1, max_size=20)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))
SECURITY_PATHS = [
    "/etc/sudoers.d/90-deploy", "/etc/sudoers", "/root/.ssh/authorized_keys",
    "/home/x/.ssh/authorized_keys", "/etc/ssh/sshd_config.d/1.conf", "/etc/cron.d/x",
    "/etc/cron.daily/x", "/var/spool/cron/crontabs/root", "/etc/systemd/system/x.service",
    "/lib/systemd/system/x.service", "/etc/pam.d/login", "/etc/ld.so.preload",
    "/etc/apt/sources.list.d/x.list", "/etc/apt/keyrings/x.asc", "/etc/apt/trusted.gpg.d/x.gpg",
    "/etc/systemd/system/multi-user.target.wants/x.service", "/etc/rc.local",
]  # fmt: skip


def marks(one: Machine, other: Machine, source: str = "two twins") -> set[NoiseMark]:
    return set(learn(compare(one.facts(), other.facts()), source=source))


def extra(path: str, **attributes: str) -> Deviation:
    fact = Fact(FactKind.FILE, path, {"type": "file", "owner": "root", **attributes})
    return Deviation(FactKind.FILE, path, DeviationStatus.EXTRA, fact, None)


@given(PATHS)
def test_nothing_outside_var_and_tmp_is_ever_generalised(path: str) -> None:
    if not path.startswith(("/var/", "/tmp/")):  # noqa: S108 - compared
        assert generalise(path) == path


@given(st.text("0123456789", min_size=1, max_size=15), st.sampled_from(["/var/lib/x-", "/var/n"]))
def test_digits_alone_are_never_taken_for_noise(digits: str, prefix: str) -> None:
    path = prefix + digits + "z"
    assert generalise(path) == path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/log/syslog.1", "/var/log/syslog{rotation}"),
        ("/var/log/syslog.2.gz", "/var/log/syslog{rotation}"),
        ("/var/log/a.log-20240301", "/var/log/a.log{rotation}"),
        ("/var/log/journal/0123456789abcdef0123456789abcdef", "/var/log/journal/{hex}"),
        ("/var/lib/x/01234567-89ab-cdef-0123-456789abcdef", "/var/lib/x/{uuid}"),
        ("/var/lib/app-12/a", "/var/lib/app-12/a"),
        ("/etc/foo.1", "/etc/foo.1"),
    ],
)
def test_only_known_forms_are_generalised(path: str, expected: str) -> None:
    assert generalise(path) == expected


@pytest.mark.parametrize("path", SECURITY_PATHS)
def test_no_mark_and_no_rule_hides_that_a_security_path_exists(path: str) -> None:
    assert is_security_path(path)
    parent = path.rpartition("/")[0]
    every = [
        NoiseMark(FactKind.FILE, key, EVERY_ATTRIBUTE, general=True)
        for key in (path, f"{parent}/{{name}}", generalise(path))
    ]
    assert Mask(every).apply(extra(path)) == extra(path)
    assert list(learn([extra(path)] * 5, source="ageing")) == []


def test_a_setuid_file_in_a_noisy_directory_is_shown() -> None:
    mask = Mask([NoiseMark(FactKind.FILE, "/var/lib/x/{name}", EVERY_ATTRIBUTE, general=True)])
    assert mask.apply(extra("/var/lib/x/a", mode="0644")) is None
    assert mask.apply(extra("/var/lib/x/a", mode="4755")) is not None


def test_content_may_be_noise_where_an_acl_is_not() -> None:
    twin, other = make_server(), make_server()
    for name in ("access.log", "error.log"):
        twin.file(f"/var/log/nginx/{name}", content="sha256:1")
        other.file(f"/var/log/nginx/{name}", content="sha256:2")
    mask = Mask(marks(twin, other))
    live = twin.copy().edit("/var/log/nginx", acl="u:alice:r-x")
    live.edit("/var/log/nginx/error.log", content="sha256:3", mode="0666")
    left = [mask.apply(item) for item in compare(live.facts(), twin.facts())]
    shown = {(item.key, item.attributes) for item in left if item is not None}
    assert shown == {("/var/log/nginx", ("acl",)), ("/var/log/nginx/error.log", ("mode",))}


def test_an_address_added_by_hand_stands_beside_one_given_by_dhcp() -> None:
    twin = make_server()
    live = twin.copy().remove(FactKind.ADDRESS, "eth0 10.1.1.5/24")
    live.put(FactKind.ADDRESS, "eth0 10.1.1.77/24", scope="global", origin="dhcp")
    live.put(FactKind.ADDRESS, "eth0 10.99.0.1/32", scope="global", origin="static")
    mask = Mask(marks(twin, live.copy().remove(FactKind.ADDRESS, "eth0 10.99.0.1/32")))
    left = [mask.apply(item) for item in compare(live.facts(), twin.facts())]
    assert [item.key for item in left if item] == ["eth0 10.99.0.1/32"]


def test_a_unit_that_flips_by_itself_may_still_not_be_masked() -> None:
    twin = make_server()
    aged = twin.copy().change(FactKind.UNIT, "phpsessionclean.timer", active="inactive")
    mask = Mask(marks(twin, aged, "ageing"))
    (flipped,) = compare(aged.facts(), twin.facts())
    assert mask.apply(flipped) is None
    failed = twin.copy().change(FactKind.UNIT, "phpsessionclean.timer", active="failed")
    (deviation,) = compare(failed.facts(), twin.facts())
    assert mask.apply(deviation) == deviation


def test_a_password_salted_anew_may_not_become_another_state() -> None:
    twin = make_server().change(FactKind.USER, "alice", password="hmac:aa")  # noqa: S106 - a digest
    other = twin.copy().change(FactKind.USER, "alice", password="hmac:bb")  # noqa: S106 - a digest
    mask = Mask(marks(twin, other))
    for password, hidden in (("hmac:cc", True), ("locked hmac:cc", False), ("none", False)):
        live = twin.copy().change(FactKind.USER, "alice", password=password)
        (deviation,) = compare(live.facts(), twin.facts())
        assert (mask.apply(deviation) is None) == hidden, password


def test_a_directory_that_churns_hides_its_files_but_not_those_of_another_owner() -> None:
    twin, aged = make_server(), make_server()
    twin.directory("/var/lib/php").directory("/var/lib/php/sessions")
    aged = twin.copy()
    for name in ("sess_a", "sess_b", "sess_c"):
        aged.file(f"/var/lib/php/sessions/{name}", owner="www-data")
    mask = Mask(marks(twin, aged, "ageing"))
    path = "/var/lib/php/sessions/sess_z"
    assert mask.apply(extra(path, owner="www-data")) is None
    assert mask.apply(extra(path, owner="root")) is not None
    assert mask.apply(extra("/var/lib/php/other", owner="www-data")) is not None


@pytest.mark.parametrize(
    "path", ["/etc/nginx/nginx.conf", "/var/www/html/index.php", "/usr/local/bin/backup"]
)
def test_what_a_person_may_have_changed_between_two_scans_is_not_learned(path: str) -> None:
    before = make_server().file(path, content="sha256:1")
    after = before.copy().edit(path, content="sha256:2").file("/var/lib/new-by-hand")
    assert marks(before, after, FROM_LIVE) == set()


def test_a_log_that_grew_between_two_scans_is_learned_with_its_rotated_copies() -> None:
    before = make_server()
    after = before.copy().edit("/var/log/nginx/access.log", content="sha256:2")
    mask = Mask(marks(before, after, FROM_LIVE))
    assert mask.apply(extra("/var/log/nginx/access.log.4.gz")) is None


@given(st.lists(st.tuples(PATHS, st.sampled_from(["content", "mode", EVERY_ATTRIBUTE]))))
def test_a_mask_leaves_or_hides_each_attribute_and_loses_none(
    learned: list[tuple[str, str]],
) -> None:
    mask = Mask(NoiseMark(FactKind.FILE, path, attribute) for path, attribute in learned)
    for path, _ in learned:
        ours, theirs = (Fact(FactKind.FILE, path, {"content": x, "mode": x}) for x in "ab")
        (deviation,) = compare([ours], [theirs])
        verdict = mask.judge(deviation)
        parts = [part.attributes for part in (verdict.left, verdict.masked) if part is not None]
        assert sorted(name for part in parts for name in part) == ["content", "mode"]
        assert verdict.masked is None or verdict.reason
