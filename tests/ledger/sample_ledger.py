"""The ledger of a small web host as it is after two years: 28,412 facts, a few by hand."""

from collections import Counter
from dataclasses import replace

from releve.model.finding import (
    Decision,
    Deviation,
    DeviationStatus,
    Explanation,
    Finding,
    FindingState,
    Ledger,
    LedgerNode,
    Tier,
    TrackedFinding,
)
from releve.model.observed import Fact, FactKind

BASE, PACKAGE, TASK = Explanation.BASE, Explanation.PACKAGE, Explanation.TASK
VOLUME, NOISE, OPEN = Explanation.VOLUME, Explanation.NOISE, Explanation.UNEXPLAINED
MADE_AT = "2026-11-25T06:30:12+00:00"
Leaves = dict[str, dict[Explanation, int]]


def node(name: str, *parts: LedgerNode, **own: int) -> LedgerNode:
    counts = Counter({Explanation[key.upper()]: count for key, count in own.items()})
    for part in parts:
        counts.update(part.counts)
    return LedgerNode(name, dict(counts), parts)


def make_tree() -> LedgerNode:
    usr = node(
        "usr",
        node("bin", base=812, package=96),
        node(
            "lib",
            node("python3", base=2210, package=310),
            node("x86_64-linux-gnu", base=2904, package=1120),
            node("systemd", base=690),
            node("modules", base=3041),
            base=410,
        ),
        node(
            "share",
            node("doc", base=4210, package=230),
            node("locale", base=3870),
            node("man", base=2610, package=90, noise=6),
            node("zoneinfo", base=1820),
            base=320,
        ),
        node("local", node("bin", task=3, unexplained=4), node("lib", unexplained=2)),
        node("sbin", base=301, package=22),
    )
    etc = node(
        "etc",
        node("nginx", package=31, task=22, unexplained=3),
        node("mysql", package=12, task=6),
        node("systemd", base=60, task=9, unexplained=2),
        node("ssl", base=290, task=4, accepted=2),
        base=610,
        package=44,
        task=61,
        noise=3,
        unexplained=5,
    )
    var = node(
        "var",
        node("lib", base=640, package=210, noise=21, unexplained=4),
        node("log", base=41, noise=18),
        node("www", task=391, unexplained=5),
        base=90,
    )
    files = node("file", usr, etc, var, node("srv", volume=14), node("root", base=9, unexplained=2))
    tree = node(
        "blog",
        files,
        node("package", base=274, package=58, task=9, unexplained=1),
        node("unit", base=170, package=21, task=4, unexplained=1),
        node("user", base=19, task=3, identity=2, unexplained=1),
        node("setting", base=12, identity=2, task=2),
        node("sysctl", base=140, unexplained=1),
        node("not_checked", not_checked=1),
        node("exclusion", not_checked=1),
    )
    reasons = {
        "roles/shop/tasks/main.yml:14": 391,
        "nginx": 118,
        "roles/nginx/tasks/main.yml:22": 47,
        "roles/base/tasks/users.yml:3": 12,
        "a side effect of the playbooks": 9,
    }
    return replace(tree, because=reasons)


def fact(kind: FactKind, key: str, **attributes: str) -> Fact:
    return Fact(kind, key, attributes)


def differ(ours: Fact, theirs: Fact | None = None) -> Deviation:
    if theirs is None:
        return Deviation(ours.kind, ours.key, DeviationStatus.EXTRA, ours, None)
    names = tuple(
        name for name in ours.attributes if theirs.attributes.get(name) != ours.attributes.get(name)
    )
    return Deviation(ours.kind, ours.key, DeviationStatus.MODIFIED, ours, theirs, names)


def track(
    fingerprint: str,
    title: str,
    tier: Tier,
    *deviations: Deviation,
    state: FindingState = FindingState.OPEN,
    folded: int = 0,
) -> TrackedFinding:
    lead = deviations[0]
    decision = None
    if state is FindingState.ACCEPTED:
        decision = Decision(
            fingerprint,
            "blog",
            state,
            "2026-10-02T08:00:00+00:00",
            who="anna",
            reason="the agency renews it itself",
            until="2027-03-31",
        )
    return TrackedFinding(
        Finding(
            fingerprint,
            "blog",
            lead.kind,
            lead.key,
            lead.status,
            title,
            tier,
            deviations,
            folded=folded,
        ),
        state,
        decision,
        "2026-09-14T06:30:00+00:00",
        MADE_AT,
    )


def make_findings() -> tuple[TrackedFinding, ...]:
    database = fact(FactKind.DATABASE, "mariadb newsletter", owner="newsletter")
    user = fact(FactKind.USER, "deploy", uid="1003", home="/home/deploy")
    key = fact(FactKind.AUTHORIZED_KEY, "deploy ssh-ed25519 AAAAC3NzaC1lZDI1", comment="ci@agency")
    site = fact(FactKind.FILE, "/etc/nginx/sites-enabled/shop", mode="0644", content="sha256:9f2c")
    cron = fact(FactKind.CRON, "root */5 * * * * /usr/local/bin/reindex")
    script = fact(FactKind.FILE, "/usr/local/bin/reindex", type="file", mode="0755", owner="root")
    sysctl = fact(FactKind.SYSCTL, "vm.swappiness", value="10")
    package = fact(FactKind.PACKAGE, "imagemagick", state="installed", version="8:6.9.11")
    backup = fact(FactKind.FILE, "/etc/nginx/nginx.conf.bak", type="file", mode="0644")
    return (
        track(
            "0d51c0a87e21",
            "Database mariadb newsletter is on the system disk, and on no volume",
            Tier.DATA_AT_RISK,
            differ(database),
        ),
        track(
            "5be0a9d1c344",
            "Files in /var/www/shop/uploads are in no playbook and on no volume",
            Tier.DATA_AT_RISK,
            differ(fact(FactKind.FILE, "/var/www/shop/uploads/invoice-2026-03.pdf", mode="0640")),
            folded=4,
        ),
        track(
            "a1b2c3d4e5f6",
            "User deploy is in no playbook",
            Tier.SECURITY,
            *map(differ, (user, key)),
        ),
        track(
            "77e1f0b2a9c3",
            "root runs /usr/local/bin/reindex every 5 minutes",
            Tier.SECURITY,
            *map(differ, (cron, script)),
        ),
        track(
            "3c4d5e6f7a8b",
            "File /etc/nginx/sites-enabled/shop differs from the playbooks in content, mode",
            Tier.CONFIGURATION,
            differ(site, replace(site, attributes={"mode": "0600", "content": "sha256:11ab"})),
        ),
        track(
            "90ab12cd34ef",
            "Package imagemagick is installed by no playbook",
            Tier.CONFIGURATION,
            differ(package),
            folded=37,
        ),
        track(
            "1f2e3d4c5b6a",
            "Kernel parameter vm.swappiness differs from the playbooks in value",
            Tier.RUNTIME,
            differ(sysctl, replace(sysctl, attributes={"value": "60"})),
        ),
        track("feedface0001", "Backup copies lie about", Tier.LITTER, differ(backup)),
        track(
            "c0ffee000001",
            "Certificate /etc/ssl/shop.pem is in no playbook",
            Tier.CONFIGURATION,
            differ(fact(FactKind.CERTIFICATE, "/etc/ssl/shop.pem", issuer="Let's Encrypt")),
            state=FindingState.ACCEPTED,
        ),
    )


def make_ledger() -> Ledger:
    log = fact(FactKind.FILE, "/var/log/journal/{hex}/system.journal", content="sha256:1")
    return Ledger(
        host="blog",
        live="live-7f3a",
        twin="drill-19c2-twin",
        base="drill-19c2-base",
        commit="4f1c9e07ab5d2e88c1f0",
        made_at=MADE_AT,
        tree=make_tree(),
        findings=make_findings(),
        blind_spots=(
            fact(FactKind.NOT_CHECKED, "database_role:postgresql", why="no login as postgres"),
            fact(FactKind.EXCLUSION, "/srv/shop/media", why="other-file-system"),
        ),
        masked=tuple(
            differ(replace(log, key=f"{log.key}.{number}"), replace(log, attributes={}))
            for number in range(40)
        ),
        volumes={"/srv/data": "blog-data/data", "/srv/backup": "blog-backup/backup"},
        live_at="2026-11-25T06:12:40+00:00",
        twin_at="2026-11-24T02:30:00+00:00",
    )
