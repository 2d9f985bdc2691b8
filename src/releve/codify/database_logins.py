"""What holds of any account of a database: who sets it, where its hash may go, what is said."""

from collections.abc import Callable, Sequence

from releve.codify.logins import Login
from releve.codify.outcome import Outcome, Work, Written, leave_out
from releve.codify.scalars import NotExpressible, Value
from releve.codify.types import LeftOut
from releve.model.converge import TaskEvent, TouchKind
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact

Read = Callable[[str], Login]  # of one engine's words for how an account logs in


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


def choose_login(
    deviation: Deviation,
    account: str,
    work: Work,
    *,
    read: Read,
    needs_host: Callable[[Login], bool],
) -> Login | LeftOut | None:
    """As the live host has it; None where it is to stay as it is. `account` is quoted."""
    if not is_login_wanted(deviation):
        return None
    login = read(attribute_of(deviation.ours, "login"))
    if not needs_host(login):
        return login
    if refused := _refuse_login(deviation, account, work, has_secret=login.has_secret):
        return refused
    return read(work.situation.logins[account])


def hide_login(login: Login, clear: str, work: Work) -> Value:
    """The words of an engine for it, in the vault where they hold a secret."""
    if not login.has_secret:
        return clear
    if work.situation.encrypt is None:
        raise NotExpressible("it holds a secret, and there is no vault password")
    return work.situation.encrypt(clear.encode())


def read_granted(fact: Fact | None, *, most: int) -> str:
    """Its grants; NotExpressible where a scan kept `most` characters of them and no more."""
    text = attribute_of(fact, "grants")
    if len(text) >= most:
        raise NotExpressible("it has more grants than a scan keeps")
    return text


def refuse_removal(deviation: Deviation) -> LeftOut:
    return leave_out(
        deviation,
        "the playbooks grant more than it has on the host",
        remedy="take it out of the task that gives it",
    )


def tell(
    deviation: Deviation, does: Sequence[str], *, login: Login | None, without: Sequence[LeftOut]
) -> Outcome:
    """What the role does of it, and what of it is left out."""
    if does:
        kept = ", its password's hash in the team's vault" if login and login.has_secret else ""
        return Written(f"the catch-up role {' and '.join(does)}{kept}", tuple(without))
    return without[0] if without else leave_out(deviation, "nothing of it is left to write")


def _refuse_login(
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


def _find_undoing(name: str, work: Work) -> TaskEvent | None:
    """The team's task that sets the account's password and rights each time."""
    names = (f"user {name}", f"user {name.rpartition('@')[0]}")
    return next(work.team_touches(TouchKind.DATABASE, *names), None)
