"""One cause is one finding, whatever it left behind on the machine."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.drift.compare import compare
from releve.drift.examine import Comparison, examine
from releve.drift.grouping import group
from releve.drift.noise import learn
from releve.model.finding import Finding, Tier
from releve.model.observed import Fact, FactKind
from tests.drift.machines import Machine, hold, make_server

Change = Callable[[Machine], object]


def findings(live: Machine, twin: Machine) -> tuple[Finding, ...]:
    return examine(hold(live, twin)).findings


def install_redis(server: Machine) -> None:
    server.package("redis-server", depends="redis-tools (= 1), libc6")
    server.package("redis-tools", mark="auto", depends="libjemalloc2")
    server.package("libjemalloc2", mark="auto")
    server.directory("/etc/redis").file("/etc/redis/redis.conf", package="redis-server")
    server.directory("/var/lib/redis", owner="redis").file("/var/lib/redis/dump.rdb")
    server.directory("/lib/systemd/system")
    server.file("/lib/systemd/system/redis-server.service", package="redis-server")
    server.link(
        "/etc/systemd/system/multi-user.target.wants/redis-server.service",
        "/lib/systemd/system/redis-server.service",
    )
    server.put(FactKind.USER, "redis", uid="110", home="/var/lib/redis")
    server.put(FactKind.GROUP, "redis", gid="115")
    fragment = {"fragment": "/lib/systemd/system/redis-server.service"}
    server.put(FactKind.UNIT, "redis-server.service", fragment, enablement="enabled")
    server.put(FactKind.LISTENER, "tcp 127.0.0.1 6379", unit="redis-server.service")


def add_user(server: Machine) -> None:
    server.put(FactKind.USER, "shop", uid="998", gid="998", home="/var/lib/shop")
    server.put(FactKind.GROUP, "shop", gid="998")
    server.directory("/var/lib/shop", owner="shop").file("/var/lib/shop/.bashrc")


def add_timer(server: Machine) -> None:
    place = "/etc/systemd/system"
    server.file(f"{place}/report.timer").file(f"{place}/report.service")
    server.link(f"{place}/timers.target.wants/report.timer", f"{place}/report.timer")
    server.put(FactKind.UNIT, "report.timer", enablement="enabled", active="active")
    server.put(FactKind.UNIT, "report.service", enablement="static", active="inactive")


def add_drop_in(server: Machine) -> None:
    server.directory("/etc/systemd/system/nginx.service.d")
    server.file("/etc/systemd/system/nginx.service.d/override.conf")
    server.change(FactKind.UNIT, "nginx.service", dropins="/etc/…/override.conf")


def unpack(server: Machine) -> None:
    server.directory("/opt/tool-9.4").link("/opt/tool", "tool-9.4")
    for number in range(620):
        server.file(f"/opt/tool-9.4/c{number}.jar")


def add_vhost(server: Machine) -> None:
    server.file("/etc/nginx/sites-available/shop.conf")
    server.link("/etc/nginx/sites-enabled/shop.conf", "../sites-available/shop.conf")


def switch_module_off(server: Machine) -> None:
    for sapi in ("cli", "fpm"):
        server.remove(FactKind.FILE, f"/etc/php/8.2/{sapi}/conf.d/20-exif.ini")


def add_authority(server: Machine) -> None:
    path = "/usr/local/share/ca-certificates/acme.crt"
    server.file(path).put(FactKind.CERTIFICATE, path, subject="CN=ACME")
    server.link("/etc/ssl/certs/acme.pem", path).link("/etc/ssl/certs/0a1b2c3d.0", "acme.pem")
    server.put(FactKind.CERTIFICATE, "/etc/ssl/certs/acme.pem", subject="CN=ACME")


def add_certificate(server: Machine) -> None:
    path = "/etc/ssl/certs/shop.pem"
    server.file(path).put(FactKind.CERTIFICATE, path, subject="CN=shop")
    server.file("/etc/ssl/private/shop.key", mode="0640")


def add_swap(server: Machine) -> None:
    server.file("/swapfile", mode="0600").put(FactKind.FSTAB, "/swapfile", type="swap")
    server.put(FactKind.SWAP, "/swapfile", type="file").edit("/etc/fstab", content="sha256:f2")


def add_cron_line(server: Machine) -> None:
    file = {"file": "/var/spool/cron/crontabs/deploy"}
    server.put(FactKind.CRON, "deploy */5 * * * * /usr/local/bin/x", file)
    server.file("/var/spool/cron/crontabs/deploy", mode="0600", owner="deploy")


def move_cron_line(server: Machine) -> None:
    file = {"file": "/var/spool/cron/crontabs/root"}
    server.remove(FactKind.CRON, "root 0 4 * * * /usr/local/bin/backup")
    server.put(FactKind.CRON, "root 30 5 * * * /usr/local/bin/backup", file)


def add_login_key(server: Machine) -> None:
    file = {"file": "/home/deploy/.ssh/authorized_keys"}
    server.put(FactKind.AUTHORIZED_KEY, "deploy ssh-ed25519 AAAA", file)
    server.directory("/home/deploy/.ssh").file("/home/deploy/.ssh/authorized_keys")


def start_by_hand(server: Machine) -> None:
    server.put(FactKind.LISTENER, "tcp 0.0.0.0 8099", program="python3.11")
    server.put(FactKind.PROCESS, "root /usr/bin/python3.11", command="python3 -m http.server")


def install_npm_package(server: Machine) -> None:
    place = "/usr/local/lib/node_modules"
    server.put(FactKind.NPM, f"{place} acme-cli", version="3")
    server.directory(place).directory(f"{place}/acme-cli").file(f"{place}/acme-cli/i.js")
    server.link("/usr/local/bin/acme", "../lib/node_modules/acme-cli/i.js")
    server.directory("/root/.npm").file("/root/.npm/_cacache")


def add_database(server: Machine) -> None:
    server.put(FactKind.DATABASE, "mariadb shop", {"directory": "/var/lib/mysql/shop"})
    server.put(FactKind.DATABASE_ROLE, "mariadb shop@localhost", grants="SELECT ON `shop`.*")
    server.directory("/var/lib/mysql/shop")
    server.file("/var/lib/mysql/shop/db.opt")


def leave_copies(server: Machine) -> None:
    for name in (
        "nginx.conf.bak-20240301",
        "nginx.conf.orig",
        "nginx.conf~",
        "mime.types.dpkg-old",
    ):
        server.file(f"/etc/nginx/{name}")


def join_groups(server: Machine) -> None:
    server.change(FactKind.GROUP, "adm", members="alice")
    server.change(FactKind.GROUP, "www-data", members="alice")


def remove_package(server: Machine) -> None:
    server.remove(FactKind.PACKAGE, "awk-one").remove(FactKind.FILE, "/usr/bin/awk-one")
    server.change(FactKind.ALTERNATIVE, "awk", value="/usr/bin/mawk", mode="auto")


def fill_firewall(server: Machine) -> None:
    server.put(FactKind.FIREWALL, "nft inet hand in type filter hook input priority filter;")
    server.put(FactKind.FIREWALL, "nft inet hand in tcp dport 3306 accept")


def chown_tree(server: Machine) -> None:
    server.edit("/var/www", owner="deploy").edit("/var/www/html", owner="deploy")


CHANGES: dict[str, tuple[Change, int, Tier]] = {
    "a package with user, unit, link, data": (install_redis, 1, Tier.CONFIGURATION),
    "a user": (add_user, 1, Tier.SECURITY),
    "a timer with its service": (add_timer, 1, Tier.CONFIGURATION),
    "a drop-in": (add_drop_in, 1, Tier.CONFIGURATION),
    "an unpacked archive": (unpack, 1, Tier.CONFIGURATION),
    "a site and its link": (add_vhost, 1, Tier.CONFIGURATION),
    "a module off everywhere": (switch_module_off, 1, Tier.CONFIGURATION),
    "an authority": (add_authority, 1, Tier.CONFIGURATION),
    "a certificate with its key": (add_certificate, 1, Tier.CONFIGURATION),
    "a swap file": (add_swap, 1, Tier.CONFIGURATION),
    "a line of cron": (add_cron_line, 1, Tier.SECURITY),
    "another time in cron": (move_cron_line, 1, Tier.SECURITY),
    "a login key": (add_login_key, 1, Tier.SECURITY),
    "a daemon started by hand": (start_by_hand, 1, Tier.RUNTIME),
    "a global npm package": (install_npm_package, 1, Tier.CONFIGURATION),
    "a database with its account": (add_database, 1, Tier.DATA_AT_RISK),
    "copies of a file": (leave_copies, 1, Tier.LITTER),
    "memberships of a user": (join_groups, 1, Tier.SECURITY),
    "a package gone, and what follows": (remove_package, 2, Tier.CONFIGURATION),
    "a table of firewall rules": (fill_firewall, 1, Tier.RUNTIME),
    "an owner changed throughout": (chown_tree, 1, Tier.CONFIGURATION),
    "data": (lambda s: s.file("/srv/upload.pdf"), 1, Tier.DATA_AT_RISK),
    "sudoers": (lambda s: s.file("/etc/sudoers.d/x"), 1, Tier.SECURITY),
    "a user's name": (lambda s: s.change(FactKind.USER, "alice", gecos="x"), 1, Tier.SECURITY),
    "a number": (lambda s: s.change(FactKind.USER, "alice", uid="1007"), 1, Tier.IDENTITY),
    "a version": (lambda s: s.change(FactKind.PACKAGE, "nginx", version="2"), 1, Tier.VERSION),
    "a hold": (lambda s: s.change(FactKind.PACKAGE, "nginx", hold="yes"), 1, Tier.CONFIGURATION),
    "a stopped unit": (
        lambda s: s.change(FactKind.UNIT, "phpsessionclean.timer", active="inactive"),
        1,
        Tier.RUNTIME,
    ),
    "the host name": (
        lambda s: s.change(FactKind.SETTING, "hostname", value="old").file("/etc/hostname"),
        1,
        Tier.CONFIGURATION,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_cause_is_one_finding(name: str) -> None:
    change, count, tier = CHANGES[name]
    live = make_server()
    change(live)
    found = findings(live, make_server())
    assert len(found) == count, [(item.title, len(item.deviations)) for item in found]
    assert found[0].tier is tier, found[0].title


def test_all_changes_together_are_no_more_findings_than_one_by_one() -> None:
    live, alone = make_server(), set()
    for change, _, _ in CHANGES.values():
        change(live)
        single = make_server()
        change(single)
        alone |= {item.fingerprint for item in findings(single, make_server())}
    together = findings(live, make_server())
    fingerprints = [item.fingerprint for item in together]
    assert len(fingerprints) == len(set(fingerprints)) <= len(alone)
    assert set(fingerprints) <= alone


def test_an_undrifted_server_that_lived_has_no_finding() -> None:
    twin, other = make_server(), make_server()
    other.edit("/var/log/nginx/access.log", content="sha256:other")
    noise = list(learn(compare(other.facts(), twin.facts()), source="two twins"))
    live = make_server().edit("/var/log/nginx/access.log", content="sha256:lived")
    live.file("/var/log/nginx/access.log.1").file("/root/.bash_history").file("/var/tmp/x")  # noqa: S108 - a fact
    live.edit("/var/spool/cron/crontabs/root", content="sha256:header2")
    live.remove(FactKind.ADDRESS, "eth0 10.1.1.5/24")
    live.put(FactKind.ADDRESS, "eth0 10.1.1.9/24", scope="global", origin="dhcp")
    assert examine(hold(live, twin, noise=noise)).findings == ()


def test_a_line_of_cron_is_found_beside_a_header_that_is_noise() -> None:
    twin, other = make_server(), make_server()
    other.edit("/var/spool/cron/crontabs/root", content="sha256:header2")
    noise = list(learn(compare(other.facts(), twin.facts()), source="two twins"))
    live = make_server().edit("/var/spool/cron/crontabs/root", content="sha256:header3")
    file = {"file": "/var/spool/cron/crontabs/root"}
    live.put(FactKind.CRON, "root 17 3 * * 0 /root/bin/x", file)
    (found,) = examine(hold(live, twin, noise=noise)).findings
    assert found.cause is FactKind.CRON


@pytest.mark.parametrize("path", ["/usr/bin/nginx", "/etc/nginx/mime.types"])
def test_a_packaged_file_changed_in_stealth_is_a_finding(path: str) -> None:
    live = make_server().edit(path, content="sha256:patched")
    (found,) = findings(live, make_server())
    assert (found.cause, found.subject) == (FactKind.FILE, path)


def test_files_of_another_version_are_one_finding_but_an_edit_among_them_is_its_own() -> None:
    live = make_server().change(FactKind.PACKAGE, "nginx", version="2")
    live.edit("/etc/nginx/mime.types", content="sha256:by-hand")
    version, edit = sorted(findings(live, make_server()), key=lambda item: item.tier != "version")
    assert version.tier is Tier.VERSION
    assert {item.key for item in version.deviations} == {"nginx", "/usr/bin/nginx"}
    assert edit.subject == "/etc/nginx/mime.types"


@pytest.mark.parametrize("directory", ["/var/lib/mysql", "/var/lib/mysql/mysql", "/var/lib", "/"])
def test_a_database_speaks_for_its_own_files_and_no_others(directory: str) -> None:
    twin = make_server().put(FactKind.DATABASE, "mariadb mysql", {"directory": directory})
    live = twin.copy().file("/var/lib/mysql/ibdata1").file("/var/lib/queue/7")
    subjects = {item.subject for item in findings(live, twin)}
    assert "/var/lib/queue/7" in subjects
    assert ("/var/lib/mysql/ibdata1" in subjects) == (directory in ("/var/lib", "/"))


def test_bases_are_subtracted_by_value() -> None:
    twin_base, live_base = Machine(), Machine()
    for base, value in ((twin_base, "1"), (live_base, "2")):
        base.put(FactKind.SYSCTL, "vm.a", value=value).put(FactKind.SYSCTL, "vm.b", value=value)
    live_base.file("/etc/cloud.cfg").file("/etc/cloud.d")
    live = live_base.copy().change(FactKind.SYSCTL, "vm.b", value="by hand")
    live.edit("/etc/cloud.d", content="sha256:by-hand")
    comparison = hold(live, twin_base)
    with_bases = examine(
        type(comparison)(
            "web1", live.facts, twin_base.facts,
            live_base=live_base.facts, twin_base=twin_base.facts,
        )
    )  # fmt: skip
    assert {item.subject for item in with_bases.findings} == {"vm.b", "/etc/cloud.d"}


def test_a_volume_explains_what_lies_on_it_and_is_missed_where_it_is_not_mounted() -> None:
    twin = make_server().put(FactKind.MOUNT, "/", source="a").put(FactKind.MOUNT, "/srv")
    live = twin.copy().file("/srv/data")
    comparison = type(hold(live, twin))("web1", live.facts, twin.facts, volumes={"/srv": "vol-1"})
    assert examine(comparison).findings == ()
    live.remove(FactKind.MOUNT, "/srv")
    (found,) = examine(comparison).findings
    assert (found.tier, found.subject) == (Tier.DATA_AT_RISK, "/srv")


def test_replayed_packages_explain_what_they_did_and_no_edit_in_it() -> None:
    twin, replayed = make_server(), make_server()
    install_redis(replayed)
    live = replayed.copy().edit("/etc/redis/redis.conf", content="sha256:by-hand")
    comparison = type(hold(live, twin))("web1", live.facts, twin.facts, replayed=replayed.facts)
    found = {(item.cause, item.subject) for item in examine(comparison).findings}
    assert found == {
        (FactKind.PACKAGE, "redis-server"),
        (FactKind.FILE, "/etc/redis/redis.conf"),
    }


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False), st.sets(st.sampled_from(sorted(CHANGES)), max_size=6))
def test_fingerprints_do_not_depend_on_order_or_values(
    chance: random.Random, names: set[str]
) -> None:
    one, other = make_server(), make_server()
    shuffled = sorted(names)
    chance.shuffle(shuffled)
    for name in sorted(names):
        CHANGES[name][0](one)
    for name in shuffled:
        CHANGES[name][0](other)
    first = {item.fingerprint for item in findings(one, make_server())}
    assert first == {item.fingerprint for item in findings(other, make_server())}


def test_text_of_the_server_cannot_act_in_a_title() -> None:
    live = make_server().file("/etc/\x1b[2J\n[red]{{ 7*7 }}\u202e")
    (found,) = findings(live, make_server())
    assert "\x1b" not in found.title
    assert "\n" not in found.title
    assert "\u202e" not in found.title


def test_ten_thousand_strange_files_do_not_become_findings_each() -> None:
    twin = [
        Fact(FactKind.FILE, f"/srv/d{number:03}", {"type": "directory"}) for number in range(99)
    ]
    live = [
        fact
        for directory in twin
        for fact in (
            directory,
            *(
                Fact(FactKind.FILE, f"{directory.key}/{number:04}", {"type": "file"})
                for number in range(100)
            ),
        )
    ]
    found = group(compare(live, twin), host="web1")
    assert [item.subject for item in found] == ["/srv"]
    assert sum(len(item.deviations) + item.folded for item in found) == 99 * 100


def test_thousands_of_entries_that_a_hostile_host_makes_up_are_matched_by_index() -> None:
    numbers = range(2000)
    made_up = Machine()
    for number in numbers:
        made_up.put(FactKind.LISTENER, f"tcp 0.0.0.0 {number:05}", program="x")
        made_up.put(FactKind.PROCESS, f"u{number:05} y")
        made_up.put(FactKind.CRON, f"u {number % 60} * * * * x{number}")
        made_up.put(FactKind.USER, f"u{number:05}", uid="5").package(f"p{number:05}")
    found = group(compare(made_up.facts(), iter(())), host="web1")
    assert len(found) == 5 * len(numbers)


def test_another_remark_behind_the_same_login_key_is_no_finding() -> None:
    """A provider puts a key in with its own remark, or with none."""
    key = "root ssh-ed25519 AAAA"
    path = "/root/.ssh/authorized_keys"
    live, twin = (
        [
            Fact(FactKind.AUTHORIZED_KEY, key, {"comment": remark}, {"file": path}),
            Fact(FactKind.FILE, path, {"type": "file", "content": f"sha256:{remark}"}),
        ]
        for remark in ("ops", "cloud")
    )
    found = examine(Comparison("shop", lambda: iter(live), lambda: iter(twin)))
    assert found.findings == ()
    assert found.masked_count == 2


@pytest.mark.parametrize(
    ("live", "twin", "found"),
    [
        ("shop", "shop-abcdefghijkl", False),  # each as its provider called it
        ("shop-abcdefghijkl", "shop-zbcdefghijkl-second", False),
        ("web1-old", "shop-abcdefghijkl", True),
        ("shop", "www", True),  # the playbooks would call it otherwise
    ],
)
def test_a_name_given_by_hand_is_found_among_those_of_providers(
    live: str, twin: str, *, found: bool
) -> None:
    def named(name: str) -> list[Fact]:
        content = {"type": "file", "mode": "0600" if "-" in name else "0644", "content": name}
        made = [Fact(FactKind.FILE, "/etc/machine-info", {"type": "file"})] if "-" in name else []
        return [
            Fact(FactKind.SETTING, "hostname", {"value": name}),
            Fact(FactKind.SETTING, "hostname.running", {"value": name}),
            Fact(FactKind.FILE, "/etc/hostname", content),
            *made,
        ]

    noise = frozenset(learn(compare(named("shop-a"), named("shop-b")), source="two twins"))
    comparison = Comparison(
        "shop", lambda: iter(named(live)), lambda: iter(named(twin)),
        noise=noise, names=frozenset({"shop"}),
    )  # fmt: skip
    subjects = [finding.subject for finding in examine(comparison).findings]
    assert subjects[:1] == (["hostname"] if found else [])


@pytest.mark.parametrize(
    ("key", "enablement", "ours", "is_told"),
    [
        ("systemd-timedated.service", "static", "active", False),  # the bus called it
        ("systemd-timedated.service", "static", "failed", True),
        ("dbus.service", "static", "inactive", True),
        ("shop.service", "enabled", "active", True),
        ("shop.service", "disabled", "active", True),
        ("shop.timer", "static", "active", True),
    ],
)
def test_a_service_that_runs_on_demand_is_no_drift(
    key: str, enablement: str, ours: str, *, is_told: bool
) -> None:
    before = "active" if ours == "inactive" else "inactive"
    twin = make_server().put(FactKind.UNIT, key, enablement=enablement, active=before)
    live = twin.copy().change(FactKind.UNIT, key, active=ours)
    assert [item.subject for item in examine(hold(live, twin)).findings] == [key] * is_told
