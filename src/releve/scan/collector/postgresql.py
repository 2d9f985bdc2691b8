"""Databases, roles and settings of every PostgreSQL cluster that runs here."""

import json
import re

from releve.scan.collector.system import NotChecked

KINDS = ("database", "database_role", "database_variable")
LIVE = False

_SOCKETS = "/run/postgresql"
_SOCKET = re.compile(r"\A\.s\.PGSQL\.(\d{1,5})\Z")
_QUERY = """\
SET statement_timeout = '8s';
SELECT json_build_array('database', datname, pg_get_userbyid(datdba), '')
  FROM pg_database WHERE NOT datistemplate;
SELECT json_build_array('role', rolname, coalesce(rolpassword, ''), concat_ws('; ',
  CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolsuper THEN 'superuser' END,
  CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolcreaterole THEN 'createrole' END,
  CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END,
  CASE WHEN NOT rolinherit THEN 'noinherit' END,
  CASE WHEN rolconnlimit <> -1 THEN 'connections=' || rolconnlimit END,
  'until=' || rolvaliduntil)) FROM pg_authid WHERE rolname !~ '^pg_';
SELECT json_build_array('grant', pg_get_userbyid(member), 'member of '
  || quote_ident(pg_get_userbyid(roleid))
  || CASE WHEN admin_option THEN ' with admin' ELSE '' END, '')
  FROM pg_auth_members WHERE pg_get_userbyid(member) !~ '^pg_';
SELECT json_build_array('grant', pg_get_userbyid(a.grantee), a.privilege_type || ' on database '
  || quote_ident(datname), '') FROM pg_database, aclexplode(datacl) a
  WHERE NOT datistemplate AND a.grantee <> 0 AND a.grantee <> datdba;
SELECT json_build_array('set', pg_get_userbyid(setrole), coalesce((SELECT datname FROM pg_database
  WHERE oid = setdatabase), '') , array_to_string(setconfig, ' ')) FROM pg_db_role_setting
  WHERE setrole <> 0;
SELECT json_build_array('variable', name, current_setting(name), '') FROM pg_settings
  WHERE source NOT IN ('default', 'override', 'client', 'session', 'test', 'interactive');
"""
_MOST_TEXT = 8192
_CONTROLS = re.compile("[\x00-\x1f\x7f]")


def collect(system):
    places = ("/var/lib/postgresql", "/etc/postgresql")  # the data may lie on a volume
    if system.offline and any(system.directories(place) for place in places):
        for fact in _blind("postgresql", "needs a running server: the files hold no names"):
            yield fact
    ports = [] if system.offline else map(_SOCKET.match, system.names(_SOCKETS))
    for port in [found.group(1) for found in ports if found]:
        engine = "postgresql" if port == "5432" else "postgresql:" + port
        try:
            facts = list(_facts(system, engine, _ask(system, port)))
        except NotChecked as failure:
            facts = _blind(engine, str(failure))
        for fact in facts:
            yield fact


def _blind(engine, why):
    return [("not_checked", "%s:%s" % (kind, engine), {"why": why}, {}) for kind in KINDS]


def _ask(system, port):
    # the directory of the caller may be closed to the account
    argv = ["runuser", "-u", "postgres", "--", "env", "-C", "/", "PGCONNECT_TIMEOUT=5"]
    argv += ["psql", "-AtXq", "-h", _SOCKETS, "-p", port, "-d", "postgres"]
    code, out = system.run(argv, 15, _QUERY.encode("ascii"))
    if code != 0:
        raise NotChecked("psql ends with %d" % code)
    rows = []
    for line in out.decode("utf-8", "surrogateescape").split("\n"):
        try:
            row = json.loads(line) if line.startswith("[") else None
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, list) and len(row) == 4 and all(isinstance(word, str) for word in row):
            rows.append(row)
    if not rows:
        raise NotChecked("psql says nothing")
    return rows


def _facts(system, engine, rows):
    roles: dict[str, dict[str, list[str]]] = {}
    seen = set()
    for number, (what, name, first, second) in enumerate(rows, 1):
        if not name or len(name) > 256 or _CONTROLS.search(name):
            why = "a name of %d characters, or with control characters" % len(name)
            yield "not_checked", "database:%s row %d" % (engine, number), {"why": why}, {}
        elif what in ("role", "grant", "set"):
            _take(system, roles.setdefault(name, {}), (what, first, second))
        elif (what, name) not in seen:
            seen.add((what, name))
            if what == "database":
                yield "database", "%s %s" % (engine, name), {"owner": first[:256]}, {}
            elif what == "variable":
                value = system.mask("%s = %s" % (name, first)).partition(" = ")[2]
                attributes = {"value": value[:_MOST_TEXT]}
                yield "database_variable", "%s %s" % (engine, name), attributes, {}
    for name in sorted(roles):
        told = roles[name].items()
        attributes = {key: "; ".join(sorted(set(words) - {""})) for key, words in told}
        attributes = {key: value[:_MOST_TEXT] for key, value in attributes.items() if value}
        yield "database_role", "%s %s" % (engine, name), attributes, {}


def _take(system, role, told):
    what, first, second = told
    if what == "grant":
        role.setdefault("grants", []).append(first)
    elif what == "set":
        words = system.mask(second) + (" in " + first if first else "")
        role.setdefault("settings", []).append(words)  # any text, with any semicolon
    else:
        secret = first.encode("utf-8", "surrogateescape")
        role["login"] = ["password " + system.keyed_digest(secret) if secret else "no password"]
        role.setdefault("attributes", []).extend(second.split("; "))
