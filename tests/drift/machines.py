"""A made-up host as facts, and what people and time do to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from releve.drift.examine import Comparison, Facts
from releve.model.noise import NoiseMark
from releve.model.observed import Fact, FactKind, sort_facts


class Machine:
    """Facts by kind and key; every change is one call."""

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._facts = {(fact.kind, fact.key): fact for fact in facts}

    def copy(self) -> "Machine":
        return Machine(self._facts.values())

    def put(
        self, kind: FactKind, key: str, evidence: Mapping[str, str] | None = None, **values: str
    ) -> "Machine":
        self._facts[kind, key] = Fact(kind, key, values, evidence or {})
        return self

    def file(self, path: str, *, package: str = "", conffile: str = "", **values: str) -> "Machine":
        usual = {"type": "file", "mode": "0644", "owner": "root", "group": "root"}
        evidence = {"package": package} if package else {}
        if conffile:
            evidence["conffile"] = conffile
        attributes = {**usual, **values}
        if attributes["type"] == "file":
            attributes.setdefault("content", "=" if package else f"sha256:{len(path)}")
        self._facts[FactKind.FILE, path] = Fact(FactKind.FILE, path, attributes, evidence)
        return self

    def directory(self, path: str, **values: str) -> "Machine":
        return self.file(path, type="directory", mode="0755", **values)

    def link(self, path: str, target: str, **values: str) -> "Machine":
        return self.file(path, type="link", mode="0777", target=target, **values)

    def package(self, name: str, *, depends: str = "", **values: str) -> "Machine":
        attributes = {"state": "installed", "version": "1", "mark": "manual", **values}
        return self.put(FactKind.PACKAGE, name, {"depends": depends}, **attributes)

    def change(self, kind: FactKind, key: str, **values: str) -> "Machine":
        fact = self._facts[kind, key]
        self._facts[kind, key] = replace(fact, attributes={**fact.attributes, **values})
        return self

    def edit(self, path: str, **values: str) -> "Machine":
        return self.change(FactKind.FILE, path, **values)

    def remove(self, kind: FactKind, key: str) -> "Machine":
        del self._facts[kind, key]
        return self

    def facts(self) -> Iterator[Fact]:
        return iter(sort_facts(self._facts.values()))


def make_server() -> Machine:
    """What a small web server looks like after its playbooks."""
    server = Machine()
    for path in (
        "/etc", "/etc/nginx", "/etc/nginx/sites-enabled", "/etc/nginx/sites-available",
        "/etc/php", "/etc/php/8.2", "/etc/systemd", "/etc/systemd/system", "/etc/cron.d",
        "/etc/systemd/system/multi-user.target.wants", "/etc/sudoers.d", "/etc/ssl",
        "/etc/systemd/system/timers.target.wants", "/etc/ssl/certs", "/etc/ssl/private",
        "/home", "/home/alice", "/home/deploy", "/opt", "/root", "/srv", "/usr",
        "/usr/bin",
        "/usr/local", "/usr/local/bin", "/usr/local/lib", "/var", "/var/lib", "/var/lib/mysql",
        "/var/log",
        "/var/log/nginx", "/var/spool", "/var/spool/cron", "/var/spool/cron/crontabs", "/var/www",
        "/var/www/html", "/etc/sysctl.d", "/etc/apt", "/etc/apt/sources.list.d",
    ):  # fmt: skip
        server.directory(path)
    for name in ("nginx", "mariadb-server", "php8.2-fpm", "cron", "sudo", "awk-one"):
        server.package(name)
        server.file(f"/usr/bin/{name}", package=name)
    server.file("/etc/nginx/nginx.conf", content="sha256:aa").file("/etc/hosts", content="sha256:b")
    server.file("/etc/nginx/mime.types", package="nginx", conffile="yes")
    server.file("/etc/fstab", content="sha256:fs").put(FactKind.FSTAB, "/", source="UUID=1")
    server.file("/etc/sudoers", package="sudo", conffile="yes", mode="0440")
    server.file("/usr/bin/sudo", package="sudo", mode="4755")
    server.file("/var/log/nginx/access.log", content="sha256:log", owner="www-data")
    for name, number in (("root", "0"), ("www-data", "33"), ("alice", "1001"), ("deploy", "1002")):
        home = "/root" if name == "root" else f"/home/{name}"
        server.put(FactKind.USER, name, uid=number, gid=number, home=home)
        server.put(FactKind.GROUP, name, gid=number)
    server.put(FactKind.GROUP, "adm", gid="4")
    for name in ("nginx.service", "cron.service", "phpsessionclean.timer"):
        server.put(FactKind.UNIT, name, enablement="enabled", active="active")
    server.put(
        FactKind.CRON, "root 0 4 * * * /usr/local/bin/backup",
        {"file": "/var/spool/cron/crontabs/root"},
    )  # fmt: skip
    server.file("/var/spool/cron/crontabs/root", mode="0600", content="sha256:header1")
    server.put(FactKind.SYSCTL, "net.core.somaxconn", value="4096")
    server.put(FactKind.ADDRESS, "eth0 10.1.1.5/24", scope="global", origin="dhcp")
    server.put(FactKind.LISTENER, "tcp 0.0.0.0 80", unit="nginx.service", program="nginx")
    server.put(FactKind.ALTERNATIVE, "awk", mode="auto", value="/usr/bin/gawk")
    server.put(FactKind.SETTING, "hostname", value="web1")
    for sapi in ("cli", "fpm"):
        server.directory(f"/etc/php/8.2/{sapi}").directory(f"/etc/php/8.2/{sapi}/conf.d")
        server.link(
            f"/etc/php/8.2/{sapi}/conf.d/20-exif.ini", "/etc/php/8.2/mods-available/exif.ini"
        )
    return server


def hold(live: Machine, twin: Machine, *, noise: Iterable[NoiseMark] = ()) -> Comparison:
    return Comparison("web1", live.facts, twin.facts, noise=frozenset(noise))


def repeat(facts: Iterable[Fact]) -> Facts:
    kept = sort_facts(facts)
    return lambda: iter(kept)
