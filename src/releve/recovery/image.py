"""The image that a drill left: whether it is what the playbooks would make now."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from releve.errors import PlanError, ProviderError
from releve.model.resources import Image
from releve.model.run import Mode, RunState
from releve.plan.loading import PLAN_FILE_NAME
from releve.plan.types import HostPlan, ImageUse, PytestCheck
from releve.ports.journal import Journal
from releve.ports.provider import Provider
from releve.recovery.fingerprint import list_files, read_for_hash

IMAGE_ROLE = "image"  # releve.role of an image; no instance ever has it
FINGERPRINT_LABEL = "releve.fingerprint"
_TOLD_TO_PEOPLE = (".md", ".rst")  # in the repository's root: no play reads them


def image_fingerprint(plan: HostPlan, repository: str, *, base_image: str) -> str:
    """Sha256 over all that makes the system disk: base, size, mounts, playbooks and inventory.

    What is only asked of the host or done around it (checks, objectives, address, the plan's own
    text) is left out: an image stays good when a check is added.
    """
    made_from = {
        "base": base_image,
        "size": plan.size,
        "mounts": sorted(volume.mount for volume in plan.volumes.values()),
        "user": plan.ssh.user,
        "playbook": plan.converge.playbook,
        "inventory": plan.converge.inventory,
        "name": plan.converge.name,
        "skip_tags": plan.converge.skip_tags,
    }
    digest = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode())
    root = Path(repository)
    for path in _list_making_files(plan, root):
        digest.update(str(path.relative_to(root)).encode("utf-8", "surrogateescape") + b"\0")
        digest.update(read_for_hash(path))
    return digest.hexdigest()


def find_fitting_image(
    provider: Provider, plan: HostPlan, repository: str, *, host: str, journal: Journal
) -> Image | None:
    """The newest image that a finished drill of this host made from exactly this; or none."""
    base = provider.get_image(plan.image)
    wanted = {
        "releve.host": host,
        "releve.role": IMAGE_ROLE,
        FINGERPRINT_LABEL: image_fingerprint(plan, repository, base_image=base.id),
    }
    images = {image.labels.get("releve.run", ""): image for image in provider.find_images(wanted)}
    for record in journal.list_runs(host=host):  # newest first
        image = images.get(record.input.run_id)
        is_whole = record.state is RunState.DONE and record.input.mode is Mode.DRILL
        if image and image.ready and is_whole:
            return image
    return None


def propose_image(
    provider: Provider, plan: HostPlan, repository: str, *, host: str, journal: Journal
) -> dict[str, str]:
    """For the options of a recovery: the image that it starts from; empty: the base image."""
    if plan.drill.image is ImageUse.NEVER:
        return {}
    try:
        image = find_fitting_image(provider, plan, repository, host=host, journal=journal)
    except (ProviderError, PlanError):
        return {}  # the run's preconditions will say what is wrong
    if image is None:
        return {}
    return {"id": image.id, "name": image.name, "run_id": image.labels["releve.run"]}


def _list_making_files(plan: HostPlan, root: Path) -> Iterator[Path]:
    asked = {root / check.pytest for check in plan.checks if isinstance(check, PytestCheck)}
    for path in list_files(root):
        is_told = path.parent == root and path.suffix in _TOLD_TO_PEOPLE
        if path not in asked and path != root / PLAN_FILE_NAME and not is_told:
            yield path
