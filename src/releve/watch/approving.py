"""A person's yes to one recovery: what it may be given to, and what it is bound to."""

from datetime import datetime, timedelta

from releve.errors import PlanError
from releve.model.incident import (
    Approval,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
)
from releve.model.run import RunInput
from releve.ports.journal import Journal
from releve.recovery.recover import require_no_open_run


def require_approvable(incident: Incident, *, journal: Journal) -> None:
    """PlanError where a yes could start nothing; RunHeld where a run is under way already."""
    show = f"See `releve incidents {incident.incident_id}`"
    recover = f"`releve recover {incident.host}` starts one all the same"
    if incident.state.is_over:
        raise _refuse(incident, "it is over: the host is well again", show)
    if not incident.verdict.is_dead:
        why = f"the host is {incident.verdict.state.value}, and a recovery replaces a dead one"
        raise _refuse(incident, why, show)
    if incident.state is not IncidentState.CONFIRMED:
        raise _refuse(
            incident, "it is not confirmed by two witnesses yet", f"Wait for it; {recover}"
        )
    require_no_open_run(incident.host, journal=journal)


def make_approval(
    incident: Incident, run: RunInput, *, by: str, now: datetime, lasts: timedelta
) -> Approval:
    """Bound to the fingerprint of the run that was shown."""
    return Approval(
        incident_id=incident.incident_id,
        host=incident.host,
        fingerprint=run.fingerprint,
        by=by,
        at=now,
        expires=now + lasts,
    )


def tell_approval(approval: Approval) -> IncidentEvent:
    until = f"{approval.expires:%Y-%m-%d %H:%M:%S} UTC"
    return IncidentEvent(
        incident_id=approval.incident_id,
        kind=IncidentEventKind.APPROVED,
        at=approval.at,
        text=f"{approval.by} approved a recovery of {approval.host}, until {until}",
        data={
            "by": approval.by,
            "fingerprint": approval.fingerprint,
            "expires": approval.expires.isoformat(),
        },
    )


def _refuse(incident: Incident, why: str, remedy: str) -> PlanError:
    return PlanError(
        f"there is nothing to approve in incident {incident.incident_id}", why=why, remedy=remedy
    )
