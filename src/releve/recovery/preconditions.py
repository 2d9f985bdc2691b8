"""What a recovery will need, verified before anything is touched; reads only."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from releve.errors import Ambiguous, Missing, PlanError
from releve.model.identity import instance_name, new_run_id
from releve.model.resources import Image, Instance, InstanceRequest, Labels, Role
from releve.model.run import RunInput
from releve.plan.loading import LoadedPlan
from releve.plan.problems import Place, Problem, offer, show_word, suggest, to_plan_error
from releve.plan.types import HostPlan
from releve.ports.access import Door
from releve.ports.converger import ConvergeRequest
from releve.ports.outside import Outside
from releve.ports.provider import Provider
from releve.recovery.volume_preconditions import (
    join_names,
    list_volume_problems,
    name_instance,
)


@dataclass(frozen=True)
class _Subject:
    host: str
    plan: HostPlan
    repository: str
    is_rehearsed: bool = False  # a drill has run these very playbooks: they are not tried again

    @property
    def place(self) -> Place:
        return ("hosts", self.host)


def list_problems(plan: LoadedPlan, host: str, outside: Outside) -> tuple[Problem, ...]:
    """Every reason why a recovery of this host could not succeed now; empty: it could."""
    return _list_all(_Subject(host, plan.host(host), str(plan.repository)), outside)


def require_preconditions(plan: LoadedPlan, hosts: Sequence[str], outside: Outside) -> None:
    """PlanError with every problem of these hosts, the first by line in front."""
    problems = [problem for host in hosts for problem in list_problems(plan, host, outside)]
    if problems:
        raise to_plan_error(problems, shown_path=str(plan.path), lines=plan.lines)


def list_run_problems(run: RunInput, outside: Outside) -> tuple[Problem, ...]:
    """The same, for a run's frozen plan."""
    host_plan = HostPlan.model_validate(run.plan["host"])
    is_rehearsed = bool(run.options.get("image"))
    return _list_all(_Subject(run.host, host_plan, run.repository, is_rehearsed), outside)


def list_twin_problems(run: RunInput, outside: Outside) -> tuple[Problem, ...]:
    """Of what a twin takes: the image, a key, and playbooks; nothing of production."""
    host_plan = HostPlan.model_validate(run.plan["host"])
    subject = _Subject(run.host, host_plan, run.repository)
    problems: list[Problem] = []
    _find_image(subject, outside.provider, problems)
    _find_keys(subject, outside, problems)
    problems += _judge_converge(subject, outside, None)
    return tuple(problems)


def resolve_current_instance(provider: Provider, host: str, plan: HostPlan) -> Instance:
    """The instance that serves the host now: Relève's newest active one, else the plan's.

    Missing with the near names, or Ambiguous, where there is not exactly one.
    """
    labels = {"releve.host": host, "releve.role": Role.ACTIVE.value}
    active = provider.find_instances(labels=labels)
    if active:
        return _pick_newest(active, host)
    named = provider.find_instances(name=plan.instance)
    if len(named) > 1:
        raise Ambiguous(
            f"{len(named)} instances are called {show_word(plan.instance)}",
            why=f"their ids are {join_names(instance.id for instance in named)}",
            remedy="write the id of the right one as the host's instance",
        )
    if named:
        return named[0]
    try:
        return provider.get_instance(plan.instance)
    except Missing as error:
        raise _explain_missing(provider, plan) from error


def _pick_newest(active: tuple[Instance, ...], host: str) -> Instance:
    newest = max(map(read_epoch, active))
    chosen = [instance for instance in active if read_epoch(instance) == newest]
    if len(chosen) > 1:
        raise Ambiguous(
            f"{len(chosen)} instances claim to serve {show_word(host)} since epoch {newest}",
            why=f"their ids are {join_names(instance.id for instance in chosen)}",
            remedy="find out which one serves; take the label releve.role from the others",
        )
    return chosen[0]


def read_epoch(instance: Instance) -> int:
    text = instance.labels.get("releve.epoch", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Ambiguous(
            f"the label releve.epoch of instance {show_word(instance.name)} is not a number",
            why="somebody changed it, so which instance is the newest cannot be told",
            remedy="set it to the epoch of the run named in its label releve.run",
        )
    return int(text)


def _explain_missing(provider: Provider, plan: HostPlan) -> Missing:
    """The instances that hold the host's volumes or address are the likeliest meant."""
    holders: set[str] = set()
    planned = {volume.id for volume in plan.volumes.values()}
    for volume in provider.list_volumes():
        if {volume.id, volume.name} & planned:
            holders |= {attachment.instance_id for attachment in volume.attachments}
    with suppress(Missing):  # a missing address is a precondition of its own
        holders.add(provider.get_address(plan.address).instance_id)
    names = sorted(name_instance(provider, holder) for holder in holders if holder)
    return Missing(
        f"there is no instance {show_word(plan.instance)}",
        why=f"the host's volumes or address are on {join_names(names)}"
        if names
        else "the provider knows no such name or id, and nothing of the host is attached anywhere",
        remedy=offer(names) or "write the name or id as the provider shows it",
    )


def _list_all(subject: _Subject, outside: Outside) -> tuple[Problem, ...]:
    """Ansible reads the playbooks while the provider is asked."""
    provider = outside.provider
    problems: list[Problem] = []
    instance = _find_instance(subject, provider, problems)
    with ThreadPoolExecutor(1, "preconditions") as beside:
        of_converge = beside.submit(_judge_converge, subject, outside, instance)
        image = _find_image(subject, provider, problems)
        keys = _find_keys(subject, outside, problems)
        problems += list_volume_problems(
            subject.plan, provider, instance=instance, place=subject.place
        )
        problems += _judge_address(subject, provider, instance)
        if image and keys:
            problems += _judge_request(subject, provider, image=image, keys=keys)
        problems += of_converge.result()
    return tuple(problems)


def _find_instance(
    subject: _Subject, provider: Provider, problems: list[Problem]
) -> Instance | None:
    try:
        return resolve_current_instance(provider, subject.host, subject.plan)
    except (Missing, Ambiguous) as error:
        place = (*subject.place, "instance")
        problems.append(Problem(error.what, error.why, error.remedy, place))
        return None


def _find_image(subject: _Subject, provider: Provider, problems: list[Problem]) -> Image | None:
    reference, place = subject.plan.image, (*subject.place, "image")
    try:
        return provider.get_image(reference)
    except Missing:
        names = [image.name for image in provider.list_images() if image.name]
        problems.append(
            Problem(
                f"there is no image {show_word(reference)}",
                f"the provider has {join_names(names) or 'none'}",
                suggest(reference, names, otherwise="write an image's exact name or id"),
                place,
            )
        )
    except Ambiguous as error:
        why = error.why or "the plan must mean exactly one"
        problems.append(Problem(error.what, why, error.remedy, place))
    return None


def _find_keys(subject: _Subject, outside: Outside, problems: list[Problem]) -> tuple[str, ...]:
    place = (*subject.place, "ssh", "identity_files")
    try:
        keys = outside.access.public_keys(tuple(subject.plan.ssh.identity_files))
    except PlanError as error:
        problems.append(Problem(error.what, error.why, error.remedy, place))
        return ()
    if not keys:
        problems.append(
            Problem(
                "this controller has no SSH key",
                "the new instance would let nobody in",
                "start the ssh agent with a key, or name one in ssh.identity_files",
                place,
            )
        )
    return keys


def _judge_address(
    subject: _Subject, provider: Provider, instance: Instance | None
) -> Iterator[Problem]:
    planned, place = subject.plan.address, (*subject.place, "address")
    try:
        address = provider.get_address(planned)
    except Missing:
        yield Problem(
            f"the provider has no address {planned}",
            "only an address that it manages can be moved to the new instance",
            "write the public address of the host, or reserve it at the provider",
            place,
        )
        return
    if instance and address.instance_id not in {"", instance.id}:
        holder = name_instance(provider, address.instance_id)
        yield Problem(
            f"address {planned} is on the instance {show_word(holder)}",
            f"it must be on {show_word(instance.name)} or on no instance: another host is served"
            " by it",
            "correct the host's address or its instance",
            place,
        )


def _judge_request(
    subject: _Subject, provider: Provider, *, image: Image, keys: tuple[str, ...]
) -> Iterator[Problem]:
    """Asks for the instance that a run would create, under the name of a run that never is."""
    run_id = new_run_id()
    request = InstanceRequest(
        name=instance_name(subject.host, run_id),
        image_id=image.id,
        size=subject.plan.size,
        network=subject.plan.network,
        labels=Labels(host=subject.host, run=run_id, epoch=1, role=Role.CANDIDATE),
        authorized_keys=keys,
        volumes=tuple(volume.id for volume in subject.plan.volumes.values()),
    )
    for shortfall in provider.list_shortfalls(request):
        yield Problem(
            f"the provider could not create the new instance: {shortfall}",
            "a recovery starts only when its new instance can be had",
            "put right what it names: the plan, the quota, or what is unused there",
            subject.place,
        )


def _judge_converge(
    subject: _Subject, outside: Outside, instance: Instance | None
) -> tuple[Problem, ...]:
    if subject.is_rehearsed:
        return ()
    converge, ssh = subject.plan.converge, subject.plan.ssh
    address = (instance.private_address if instance else "") or subject.plan.address
    request = ConvergeRequest(
        run_id=new_run_id(),
        repository=subject.repository,
        playbook=converge.playbook,
        inventory=tuple(converge.inventory),
        host=converge.name or subject.host,
        door=Door(address=address, port=ssh.port, user=ssh.user, host_keys=()),
        skip_tags=tuple(converge.skip_tags),
        timeout_seconds=converge.timeout.total_seconds(),
    )
    return tuple(
        Problem(
            text,
            f"{converge.playbook} has to run for {show_word(request.host)} as it is",
            "correct it in the playbooks, the inventory or the host's converge section",
            (*subject.place, "converge"),
        )
        for text in outside.converger.list_problems(request)
    )
