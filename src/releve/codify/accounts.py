"""Accounts, groups, who is in which, and the keys that let them in."""

import re

from releve.codify.outcome import (
    Derived,
    Outcome,
    Work,
    Written,
    leave_out,
    require_account,
    require_line,
    require_path,
)
from releve.codify.scalars import Value
from releve.codify.sections import section
from releve.codify.tasks_text import arguments_of
from releve.model.converge import TaskEvent, TouchKind
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact, FactKind

_FIELDS = {"uid": "uid", "gecos": "comment", "home": "home", "shell": "shell"}
_AGES = {"min_days": "0", "max_days": "99999"}  # with what they are where shadow says nothing
_SET_BY = {  # the parameter of ansible.builtin.user that sets it
    **_FIELDS,
    "gid": "group",
    "password": "password",
    "expires": "expires",
    "min_days": "password_expire_min",
    "max_days": "password_expire_max",
}
_SECONDS_A_DAY = 86400
_HASH = re.compile(rb"!?\$[a-z0-9]{1,20}\$[A-Za-z0-9./$,=+-]{8,500}")


def write_user(deviation: Deviation, work: Work) -> Outcome:
    name = require_account(deviation.key)
    if _comes_with_package(work):
        return Derived("the package makes the account")
    if deviation.ours is None:
        work.catch_up.add(section("users_absent"), name)
        return Written("the catch-up role removes the account and leaves its files")
    if deviation.status == DeviationStatus.MODIFIED and (task := _find_undoing(deviation, work)):
        return leave_out(
            deviation,
            f"{task.location} sets that of this account, and would change it back",
            remedy="change that task, or its variables",
        )
    fields = _describe(deviation, deviation.ours)
    without_password = _add_password(fields, deviation, work)
    if isinstance(without_password, Outcome):
        return without_password
    work.catch_up.add(section("users_present"), {"name": name, **fields})
    return Written(f"the catch-up role makes the account{without_password}")


def write_group(deviation: Deviation, work: Work) -> Outcome:
    name = require_account(deviation.key)
    if deviation.ours is None:
        work.catch_up.add(section("groups_absent"), name)
        return Written("the catch-up role removes the group")
    members = _members(deviation.ours)
    before = _members(deviation.theirs)
    if _comes_with_package(work):
        return Derived("the package makes the group")
    if deviation.status == DeviationStatus.EXTRA or "gid" in deviation.attributes:
        gid = deviation.ours.attributes.get("gid", "")
        work.catch_up.add(section("groups_present"), {"name": name, "gid": gid})
    for user in members:
        if user not in before:
            fields = {"user": require_account(user), "group": name}
            work.catch_up.add(section("memberships"), fields)
    for user in before:
        if user not in members:
            fields = {"user": require_account(user), "group": name}
            work.catch_up.add(section("memberships_absent"), fields)
    return Written("the catch-up role sets who is in the group, and leaves other members alone")


def write_authorized_key(deviation: Deviation, work: Work) -> Outcome:
    user, _, key = deviation.key.partition(" ")
    fact = deviation.ours or deviation.theirs
    path = fact.evidence.get("file", "") if fact else ""
    path = require_path(path or f"/home/{require_account(user)}/.ssh/authorized_keys")
    if work.has(FactKind.FILE, path) and path in work.situation.contents.live:
        return Derived("the file of the keys is copied")
    if _touches(work, path):
        return leave_out(
            deviation,
            f"{_touches(work, path)} writes this file of keys, and would take the key out again",
            remedy="add the key where that task takes its keys from",
        )
    if deviation.ours is None:
        fields = {"path": path, "key": require_line(key)}
        work.catch_up.add(section("authorized_keys_absent"), fields)
        return Written("the catch-up role takes the key out")
    options = deviation.ours.attributes.get("options", "")
    comment = deviation.ours.attributes.get("comment", "")
    line = require_line(" ".join(part for part in (options, key, comment) if part))
    fields = {"user": require_account(user), "path": path, "line": line}
    work.catch_up.add(section("authorized_keys"), fields)
    return Written("the catch-up role adds the key, and leaves the others alone")


def _describe(deviation: Deviation, ours: Fact) -> dict[str, Value]:
    """Of a new account everything; of one that both have, what differs."""
    is_new = deviation.status == DeviationStatus.EXTRA
    wanted = ours.attributes
    fields: dict[str, Value] = {}
    for attribute, parameter in _FIELDS.items():
        if attribute in wanted and (is_new or attribute in deviation.attributes):
            fields[parameter] = require_line(wanted[attribute])
    fields |= {
        attribute: require_line(wanted.get(attribute, usual))
        for attribute, usual in _AGES.items()
        if attribute in (wanted if is_new else deviation.attributes)
    }
    if "expires" in (wanted if is_new else deviation.attributes):
        fields["expires"] = _expiry(wanted.get("expires", ""))
    if "gid" in wanted and (is_new or "gid" in deviation.attributes):
        fields["group"] = wanted["gid"]
    fields["create_home"] = is_new and not wanted.get("home", "/").startswith(
        ("/nonexistent", "/r")
    )
    return fields


def _expiry(days: str) -> str:
    """Ansible's seconds since 1970, of shadow's days; -1 where it never expires."""
    return str(int(days) * _SECONDS_A_DAY) if days.isdecimal() else "-1"


def _add_password(fields: dict[str, Value], deviation: Deviation, work: Work) -> "str | Outcome":
    """What to say of the password; an outcome where it is all that differs and cannot be kept."""
    is_new = deviation.status == DeviationStatus.EXTRA
    password = deviation.ours.attributes.get("password", "") if deviation.ours else ""
    if not is_new and "password" not in deviation.attributes:
        return ""
    if "hmac:" not in password:
        if not is_new and password.startswith("locked"):
            fields["password_lock"] = True
        return ", without a password"
    stored = _find_hash(deviation.key, work)
    if _HASH.fullmatch(stored) and work.situation.encrypt is not None:
        fields["password"] = work.situation.encrypt(stored)
        return ", its password's hash in the team's vault"
    if is_new:
        return ", without its password: there is no vault password here, or the host is gone"
    return leave_out(
        deviation,
        "its password differs, and its hash can only be kept in a vault",
        remedy="let ansible.cfg name the vault's password, and codify while the host answers",
    )


def _find_hash(user: str, work: Work) -> bytes:
    for line in work.situation.contents.live.get("/etc/shadow", b"").splitlines():
        fields = line.split(b":")
        if fields[0] == user.encode("utf-8", "surrogateescape") and len(fields) > 1:
            return fields[1]
    return b""


def _members(fact: Fact | None) -> list[str]:
    listed = fact.attributes.get("members", "") if fact else ""
    return [member for member in listed.split(",") if member]


def _comes_with_package(work: Work) -> bool:
    leading = work.finding.deviations[0]
    return leading.kind == FactKind.PACKAGE and leading.status == DeviationStatus.EXTRA


def _find_undoing(deviation: Deviation, work: Work) -> TaskEvent | None:
    """The team's task that sets, of this account, what was changed by hand."""
    parameters = {_SET_BY.get(attribute, "") for attribute in deviation.attributes}
    for event in work.team_touches(TouchKind.USER, deviation.key):
        if not event.action.endswith("user"):
            continue
        given = arguments_of(event.location, work.draft)
        if not given or parameters & given.keys():
            return event
    return None


def _touches(work: Work, path: str) -> str:
    return next(
        (
            event.location
            for event in work.situation.touches
            for touch in event.touches
            if touch.kind == TouchKind.PATH and touch.name == path
        ),
        "",
    )


KINDS = {
    FactKind.USER: write_user,
    FactKind.GROUP: write_group,
    FactKind.AUTHORIZED_KEY: write_authorized_key,
}
