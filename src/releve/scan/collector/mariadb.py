"""Databases, accounts and global variables of MariaDB or MySQL, asked as root through its socket.

Offline the databases are the directories of the data directory; accounts need the server.
"""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("database", "database_role", "database_variable")
LIVE = False

_SOCKETS = "/run/mysqld"
_OWN = ("information_schema", "performance_schema", "mysql", "sys")
_SETTINGS = ("/etc/mysql/mariadb.conf.d", "/etc/mysql/mysql.conf.d", "/etc/mysql/conf.d")
_QUERY = """\
SET SESSION sql_mode = '';
SELECT CONCAT('#database ', SCHEMA_NAME) FROM information_schema.SCHEMATA;
SELECT CONCAT('#account ', User, '@', Host) FROM mysql.user;
SELECT '#variables';
SHOW GLOBAL VARIABLES;
"""
# counters, identities, times, what follows from the version, and what is taken from the machine
_VOLATILE = re.compile(
    r"\A(?:gtid_.*|server_uu?id|hostname|pid_file|pseudo_.*|last_insert_id|identity|insert_id"
    r"|rand_seed\d|error_count|warning_count|timestamp|system_time_zone|in_transaction|version.*"
    r"|innodb_version|wsrep_patch_version|.*_last_.*|ssl_session_.*|rpl_semi_sync_.*_status"
    r"|innodb_(?:log|data)_file_(?:buffering|write_through)|innodb_log_write_ahead_size"
    r"|log_bin_(?:basename|index)|thread_pool_size|innodb_buffer_pool_(?:dump|load)_now)\Z"
)
# printable ASCII without a backslash: a quote is doubled, nothing else ends a quoted name
_ACCOUNT = re.compile(r"\A([ -\[\]-~]{0,128})@([A-Za-z0-9_.%:/-]{0,255})\Z")
_VARIABLE = re.compile(r"\A[a-z0-9_.-]{1,128}\Z")
_SECRET_VARIABLE = re.compile(r"passw|secret|_key\Z|credential")
_MOST_TEXT = 16384
_MOST_ACCOUNTS = 500
_CONTROLS = re.compile("[\x00-\x1f\x7f]")


def collect(system):
    if system.offline:
        for fact in _offline(system):
            yield fact
        return
    if not any(name.endswith(".sock") for name in system.names(_SOCKETS)):
        return
    try:
        client, lines = _ask(system)
        databases, accounts, variables = _parse(lines)
        facts = [
            *_databases(system, databases),
            *_accounts(system, client, accounts),
            *_variables(system, variables),
        ]
    except NotChecked as failure:
        facts = [("not_checked", kind + ":mariadb", {"why": str(failure)}, {}) for kind in KINDS]
    seen = set()
    for fact in facts:
        if fact[:2] not in seen:
            seen.add(fact[:2])
            yield fact


def _ask(system):
    for client in ("mariadb", "mysql"):
        code, lines = _run(system, client, _QUERY)
        if code == 0:
            return client, lines
        if code != 127:
            raise NotChecked("%s ends with %d" % (client, code))
    raise NotChecked("there is no client to ask with")


def _run(system, client, query):
    # binary mode: nothing in the text is a command of the client, which could start a shell
    argv = [client, "--batch", "--skip-column-names", "--binary-mode", "--force"]
    argv += ["--connect-timeout=5"]
    code, out = system.run(argv, 15, query.encode("ascii"))
    return code, out.decode("utf-8", "surrogateescape").split("\n")


def _parse(lines):
    databases = [line[10:] for line in lines if line.startswith("#database ")]
    accounts = [line[9:] for line in lines if line.startswith("#account ")]
    after = lines[lines.index("#variables") + 1 :] if "#variables" in lines else []
    return databases, accounts, [line.split("\t", 1) for line in after if "\t" in line]


def _databases(system, names):
    for number, name in enumerate(sorted(set(names)), 1):
        if _CONTROLS.search(name) or not 0 < len(name) <= 256:
            why = "a name of %d characters, or with control characters" % len(name)
            yield "not_checked", "database:mariadb %d" % number, {"why": why}, {}
        elif name not in _OWN:
            yield "database", "mariadb " + name, {}, {"directory": _data_directory(system)}


def _accounts(system, client, names):
    usable = [name for name in sorted(set(names)) if _ACCOUNT.match(name)][:_MOST_ACCOUNTS]
    left = len(set(names)) - len(usable)
    if left:
        why = "%d accounts have names that cannot be asked for safely" % left
        yield "not_checked", "database_role:mariadb", {"why": why}, {}
    _, lines = _run(system, client, _account_query(usable))
    told: dict[int, list[str]] = {}
    current = -1
    for line in lines:
        found = re.match(r"\A#account (\d{1,4})\Z", line)
        if found:
            current = int(found.group(1))
        elif line:
            told.setdefault(current, []).append(line)
    for number, name in enumerate(usable):
        if number in told:
            attributes = _told(system, told[number])
            yield "database_role", "mariadb " + name.rstrip("@"), attributes, {}
        else:
            why = "the server does not say what it may do"
            yield "not_checked", "database_role:mariadb " + name, {"why": why}, {}


def _account_query(names):
    query = ["SET SESSION sql_mode = '';"]
    for number, name in enumerate(names):
        user, host = name.rsplit("@", 1)
        user = user.replace("'", "''")
        account = "'%s'@'%s'" % (user, host) if host else "'%s'" % user
        query.append("SELECT '#account %d';" % number)
        if host:  # a role has none, and does not log in
            query.append("SHOW CREATE USER %s;" % account)
        query.append("SHOW GRANTS FOR %s;" % account)
    return "\n".join(query) + "\n"


def _told(system, lines):
    attributes = {}
    grants = []
    for line in lines:
        if line.startswith("CREATE USER "):
            # behind the name, which is the key already
            login = re.sub(r"\ACREATE USER `(?:[^`]|``)*`@`[^`]*` ?", "", line)
            attributes["login"] = _hide_quoted(system, login)[:_MOST_TEXT]
        elif line.startswith("GRANT "):
            grants.append(
                re.sub(r" IDENTIFIED (?:BY|VIA|WITH) .*?(?= WITH | REQUIRE |\Z)", "", line)
            )
    attributes["grants"] = "; ".join(sorted(grants))[:_MOST_TEXT]
    return {name: value for name, value in attributes.items() if value}


def _hide_quoted(system, text):
    """Names of plug-ins stay; whatever is quoted behind them is what logs in."""

    def hide(found):
        secret = found.group(1)
        digest = system.keyed_digest(secret.encode("utf-8", "surrogateescape"))
        return "'%s'" % (digest if secret else "")

    plugin = re.match(r"\A(IDENTIFIED (?:VIA|WITH) )'?(\w+)'?", text)
    head = plugin.group(1) + plugin.group(2) if plugin else ""
    rest = text[plugin.end() :] if plugin else text
    return head + re.sub(r"'((?:[^'\\]|\\.|'')*)('|\Z)", hide, rest)


def _variables(system, rows):
    for name, value in rows:
        if not _VARIABLE.match(name) or _VOLATILE.match(name):
            continue
        shown = system.mask(value)[:_MOST_TEXT]
        if _SECRET_VARIABLE.search(name) and value and not value.startswith("/"):
            shown = system.keyed_digest(value.encode("utf-8", "surrogateescape"))
        yield "database_variable", "mariadb " + name, {"value": shown}, {}


def _offline(system):
    directory = _data_directory(system)
    names = system.directories(directory)
    if not names:
        if system.names("/etc/mysql"):  # its data lies on a volume that is not here
            for kind in KINDS[:2]:
                why = directory + " is not on this disk"
                yield "not_checked", kind + ":mariadb", {"why": why}, {}
        return
    decoded = [_decoded(name) for name in names if not name.startswith(("#", "."))]
    for fact in _databases(system, decoded):
        yield fact
    for kind in KINDS[1:]:
        yield "not_checked", kind + ":mariadb", {"why": "needs a running server"}, {}


def _data_directory(system):
    files = ["/etc/mysql/my.cnf"]
    for place in _SETTINGS:
        files += [place + "/" + name for name in system.names(place) if name.endswith(".cnf")]
    found = "/var/lib/mysql"
    for path in files:
        try:
            text = (system.read(path, 1 << 20) or b"").decode("utf-8", "surrogateescape")
        except NotChecked:
            continue
        for value in re.findall(
            r"^\s*datadir\s*=\s*['\"]?(/[^\s'\"\x00-\x1f]{1,1000})", text, re.M
        ):
            found = value.rstrip("/")
    return found


def _decoded(name):
    """A character that no file name should have stands as @ and four hexadecimal digits."""
    return re.sub(r"@([0-9a-f]{4})", lambda found: chr(int(found.group(1), 16)), name)
