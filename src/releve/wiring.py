"""The one place that picks providers and adapters for a plan."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from pydantic import TypeAdapter

from releve.adapters.notify.notifier import AppriseNotifier, Channel
from releve.adapters.on_first_use import AccessOnFirstUse, CheckerOnFirstUse
from releve.adapters.store import open_incident_store, open_observed_store, open_store
from releve.adapters.system_clock import SystemClock
from releve.errors import PlanError
from releve.model.run import RunInput
from releve.plan.loading import LoadedPlan
from releve.plan.provider_types import LxdProvider, OpenstackProvider, ProviderPlan
from releve.plan.types import DrillVolumes, ImageUse
from releve.plan.watch_secrets import read_channel_url
from releve.plan.watch_types import WatchPlan
from releve.ports.access import Access
from releve.ports.checker import Checker
from releve.ports.clock import Clock
from releve.ports.finding_store import FindingStore
from releve.ports.incident_store import IncidentStore
from releve.ports.journal import Journal, Lease
from releve.ports.notifier import Delivery, Notifier
from releve.ports.observed_store import ObservedStore
from releve.ports.outside import Outside
from releve.ports.prober import Prober
from releve.ports.provider import Provider
from releve.ports.team_repository import TeamRepository
from releve.watch.doors import find_door, knock
from releve.watch.starting import Starter
from releve.watch.surroundings import Say, Senses, Surroundings
from releve.workflow.state_file import find_state_directory

LAB_PREFIX = "lab:"


@dataclass(frozen=True)
class State:
    """Where this controller keeps its runs, and what it read of hosts."""

    directory: Path
    database_url: str  # empty: SQLite in the directory
    journal: Journal
    lease: Lease
    clock: Clock
    observed: ObservedStore
    findings: FindingStore

    @cached_property
    def incidents(self) -> IncidentStore:
        return open_incident_store(self.directory, self.database_url, key_file=find_key_file())


def open_state() -> State:
    """RELEVE_KEY_FILE names the key of observed states where it is not in the state directory."""
    directory = find_state_directory()
    database_url = os.environ.get("RELEVE_DATABASE_URL", "")
    journal, lease = open_store(directory, database_url)
    observed, findings = open_observed_store(directory, database_url, key_file=find_key_file())
    return State(directory, database_url, journal, lease, SystemClock(), observed, findings)


def find_key_file() -> Path | None:
    """None: beside the database."""
    named = os.environ.get("RELEVE_KEY_FILE", "")
    return Path(named).absolute() if named else None


def connect(provider: ProviderPlan, *, state: State) -> Outside:
    """All the doors for hosts at this provider."""
    from releve.adapters.ansible.converger import AnsibleConverger

    access = AccessOnFirstUse(_load_ssh)
    return Outside(
        provider=connect_provider(provider),
        access=access,
        converger=AnsibleConverger(state.directory / "converge", dict(os.environ)),
        checker=CheckerOnFirstUse(partial(_load_checker, access)),
        journal=state.journal,
        lease=state.lease,
        clock=state.clock,
        observed=state.observed,
        findings=state.findings,
    )


def _load_ssh() -> Access:
    from releve.adapters.ssh.access import SshAccess

    return SshAccess()


def _load_checker(access: Access) -> Checker:
    from releve.adapters.checks.checker import PlanChecker

    return PlanChecker(access)


def open_repository(directory: Path) -> TeamRepository:
    """PlanError where the directory of releve.yml is in no git repository."""
    from releve.adapters.git.repository import GitRepository

    return GitRepository(directory)


def open_prober() -> Prober:
    """For the event loop that it is first used in."""
    from releve.adapters.ssh.prober import SshProber

    return SshProber()


def open_lease(state: State) -> Lease:
    """One of its own, released apart from the state's."""
    return open_store(state.directory, state.database_url)[1]


def open_senses(loaded: LoadedPlan, *, clock: Clock, say: Say) -> Senses:
    """To look at the hosts of this plan; ProviderError where its provider does not answer."""
    provider = connect_provider(loaded.plan.provider)
    access = AccessOnFirstUse(_load_ssh)
    return Senses(
        prober=open_prober(),
        checker=CheckerOnFirstUse(partial(_load_checker, access)),
        provider=provider,
        clock=clock,
        find_door=lambda host: find_door(provider, host, loaded.host(host)),
        knock=knock,
        say=say,
    )


def surround_watch(loaded: LoadedPlan, *, state: State, starter: Starter, say: Say) -> Surroundings:
    """All that a watch of this plan needs; fails as its senses and its notifier do."""
    senses = open_senses(loaded, clock=state.clock, say=say)
    return Surroundings(
        **vars(senses),
        notifier=open_notifier(loaded.plan.watch),
        incidents=state.incidents,
        journal=state.journal,
        lease=open_lease(state),
        starter=starter,
    )


def open_notifier(watch: WatchPlan) -> Notifier:
    """PlanError where a channel's URL cannot be had."""
    return AppriseNotifier(_read_channels(watch))


def try_channels(watch: WatchPlan) -> tuple[Delivery, ...]:
    """Whether apprise can read each channel's URL; nothing is sent. PlanError as above."""
    return AppriseNotifier(_read_channels(watch)).check()


def _read_channels(watch: WatchPlan) -> list[Channel]:
    return [
        Channel(channel.name, read_channel_url(channel, os.environ)) for channel in watch.notify
    ]


def open_vault(directory: Path) -> Callable[[bytes], bytes] | None:
    """How to encrypt under the team's vault; None without its password."""
    from releve.adapters.ansible.vault import encrypt_text

    def encrypt(clear: bytes) -> bytes:
        return encrypt_text(directory, clear, environment=dict(os.environ))

    try:
        encrypt(b"a probe")
    except PlanError:
        return None
    return encrypt


def read_inventory_groups(
    directory: Path, sources: tuple[str, ...], playbook: str
) -> Mapping[str, frozenset[str]]:
    from releve.adapters.ansible.inventory import Query, read_groups
    from releve.adapters.ansible.settings import read_settings

    environment = dict(os.environ)
    given = tuple(str(directory / source) for source in sources)
    return read_groups(
        Query(
            sources=given or read_settings(directory, environment).inventory,
            repository=str(directory),
            playbook_directory=str((directory / playbook).parent),
            environment=environment,
        )
    )


def connect_provider(plan: ProviderPlan) -> Provider:
    if isinstance(plan, OpenstackProvider):
        from releve.providers.openstack.connection import connect_openstack

        return connect_openstack(plan)
    from releve.providers.lxd.connection import connect_lxd

    if plan.endpoint.startswith(LAB_PREFIX):
        return connect_lxd(resolve_lab(plan))
    return connect_lxd(plan)


def resolve_lab(plan: LxdProvider) -> LxdProvider:
    """A plan may name a lab of this machine; where it listens, and on what, is the lab's to say."""
    from releve.lab.settings import LabSettings, check_settings

    lab = LabSettings(name=plan.endpoint.removeprefix(LAB_PREFIX))
    check_settings(lab)
    network = plan.network or lab.paths.bridge
    return plan.model_copy(update={"endpoint": str(lab.paths.socket), "network": network})


def rehearse_in_lab(loaded: LoadedPlan, host: str, *, lab: str) -> LoadedPlan:
    """The same plan with this host at a lab: its base image, and nothing that only clouds have."""
    from releve.lab.disks import INSTANCE_POOL
    from releve.lab.instances import IMAGE_ALIAS

    plan = loaded.host(host)
    ssh = plan.ssh.model_copy(update={"user": "root"})
    drill = plan.drill.model_copy(update={"volumes": DrillVolumes.EMPTY, "image": ImageUse.NEVER})
    at_lab = plan.model_copy(
        update={"image": IMAGE_ALIAS, "size": "", "network": "", "ssh": ssh, "drill": drill}
    )
    provider = LxdProvider(kind="lxd", endpoint=f"{LAB_PREFIX}{lab}", pool=INSTANCE_POOL)
    hosts = {**loaded.plan.hosts, host: at_lab}
    return replace(
        loaded, plan=loaded.plan.model_copy(update={"provider": provider, "hosts": hosts})
    )


def provider_of(run: RunInput) -> ProviderPlan:
    """The provider as the run froze it."""
    adapter: TypeAdapter[ProviderPlan] = TypeAdapter(ProviderPlan)
    return adapter.validate_python(run.plan["provider"])
