"""What holds of the login of any account of a database: who sets it, and where its hash may go."""

from typing import Final

from releve.codify.outcome import Work, leave_out
from releve.codify.scalars import NotExpressible
from releve.codify.types import LeftOut
from releve.model.converge import TaskEvent, TouchKind
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact

MORE_IN_PLAYBOOKS: Final = "the playbooks grant more than it has on the host"


def attribute_of(fact: Fact | None, name: str) -> str:
    return fact.attributes.get(name, "") if fact else ""


def refuse_account(deviation: Deviation, name: str, work: Work, *, is_own: bool) -> LeftOut | None:
    """Where the playbooks decide on it already, or reach the database through it."""
    if is_own:
        return leave_out(deviation, "playbooks reach the database through this very account")
    if deviation.ours is None:
        return leave_out(
            deviation,
            "the playbooks make it, and would make it again",
            remedy="take it out of the task that makes it",
        )
    if task := _find_undoing(name, work):
        return leave_out(
            deviation,
            f"{task.location} sets what this account has, and would change it back",
            remedy="change that task, or its variables",
        )
    return None


def is_login_wanted(deviation: Deviation) -> bool:
    return deviation.status is DeviationStatus.EXTRA or "login" in deviation.attributes


def refuse_login(
    deviation: Deviation, account: str, work: Work, *, has_secret: bool
) -> LeftOut | None:
    """Where the host has not said what is stored, or nothing is there to keep it in."""
    if account not in work.situation.logins:
        return leave_out(
            deviation,
            "how it logs in is not known: the host does not answer, or it was changed meanwhile",
            remedy="scan the host, and codify while it answers",
        )
    if has_secret and work.situation.encrypt is None:
        return leave_out(
            deviation,
            "its password's hash can only be kept in a vault",
            remedy="let ansible.cfg name the vault's password",
        )
    return None


def hide_login(clear: str, work: Work) -> bytes:
    if work.situation.encrypt is None:
        raise NotExpressible("it holds a secret, and there is no vault password")
    return work.situation.encrypt(clear.encode())


def _find_undoing(name: str, work: Work) -> TaskEvent | None:
    """The team's task that sets the account's password and rights each time."""
    names = (f"user {name}", f"user {name.rpartition('@')[0]}")
    return next(work.team_touches(TouchKind.DATABASE, *names), None)
