"""The base image: a bare system as a provider would offer it, made by mmdebstrap, kept."""

import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.lab.apt_setup import AptSetup, read_apt_setup
from releve.lab.commands import Conduct, run
from releve.lab.furnishing import furnish, image_templates
from releve.lab.locks import hold_lock
from releve.lab.mounts import unmount_below
from releve.lab.release import Release, read_release

VERSION: Final = 3  # counts up when the recipe changes, so that old images are not used

_BUILD_SECONDS: Final = 900.0


@dataclass(frozen=True)
class BaseImage:
    metadata: Path
    rootfs: Path
    key: str


def ensure_base_image(cache: Path, *, fresh: bool, say: Callable[[str], None]) -> BaseImage:
    """The kept image where nothing it was made from has changed, else a new one."""
    release, apt = read_release(), read_apt_setup()
    key = image_key(release, apt)
    image = BaseImage(cache / key / "metadata.tar", cache / key / "rootfs.tar", key)
    if image.rootfs.exists() and not fresh:
        return image
    # Nobody else's to read: apt's logins are in the image.
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = hashlib.sha256(str(image.rootfs.resolve()).encode()).hexdigest()[:16]
    with hold_lock(f"image-{place}", wait_seconds=_BUILD_SECONDS, holder="building the base image"):
        if fresh or not image.rootfs.exists():
            _build(image, release=release, apt=apt, say=say)
    return image


def image_key(release: Release, apt: AptSetup) -> str:
    digest = hashlib.sha256()
    content = [str(VERSION), release.system, release.codename, *release.packages, apt.options]
    for file in apt.files:
        content += [str(file), hashlib.sha256(file.read_bytes()).hexdigest()]
    digest.update(json.dumps(content).encode())
    return digest.hexdigest()[:16]


def _build(
    image: BaseImage, *, release: Release, apt: AptSetup, say: Callable[[str], None]
) -> None:
    started = time.monotonic()
    say(f"Building the base image from this machine's apt sources ({release.codename})")
    building = image.rootfs.parent.with_suffix(".building")
    _clear(building)
    building.mkdir()
    (building / "tmp").mkdir()
    (building / "apt.conf").write_text(apt.options)
    rootfs = building / "rootfs"
    run(_mmdebstrap(building, release=release, apt=apt), _patient(building))
    furnish(rootfs, release=release, apt=apt)
    _write_metadata(building / "metadata.tar", release)
    _pack(rootfs, building / "rootfs.tar")
    for leftover in (rootfs, building / "tmp"):
        shutil.rmtree(leftover)
    _clear(image.rootfs.parent)
    building.rename(image.rootfs.parent)
    size = image.rootfs.stat().st_size / 2**20
    say(f"Base image ready: {size:.0f} MiB ({time.monotonic() - started:.1f} s)")


def _mmdebstrap(building: Path, *, release: Release, apt: AptSetup) -> list[str]:
    return [
        # When this process is killed, everything that the build started or mounted ends with it:
        # a build binds /dev/shm of this machine, which no later removal may reach through.
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child=KILL"),
        *("mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", "--quiet"),
        f"--include={','.join(release.packages)}",
        f"--aptopt={building / 'apt.conf'}",
        *("--dpkgopt=force-unsafe-io", release.codename, str(building / "rootfs")),
        *(str(source) for source in apt.sources),
    ]


def _patient(building: Path) -> Conduct:
    return Conduct(
        timeout_seconds=_BUILD_SECONDS,
        environment={"TMPDIR": str(building / "tmp"), "DEBIAN_FRONTEND": "noninteractive"},
    )


def _write_metadata(target: Path, release: Release) -> None:
    source = target.with_suffix("")
    templates = source / "templates"
    templates.mkdir(parents=True)
    described = image_templates(templates)
    (source / "metadata.yaml").write_text(
        json.dumps(
            {
                "architecture": run(["uname", "--machine"]).strip(),
                "creation_date": int(time.time()),
                "properties": {
                    "description": f"Relève lab: {release.system} {release.codename}",
                    "os": release.system,
                    "release": release.codename,
                },
                "templates": described,
            }
        )
    )
    with tarfile.open(target, "w") as archive:
        for name in ("metadata.yaml", "templates"):
            archive.add(source / name, arcname=name)
    shutil.rmtree(source)


def _pack(rootfs: Path, target: Path) -> None:
    what = ["--one-file-system", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"]
    run(
        ["tar", "--create", f"--file={target}", *what, "--exclude=./dev/*", "-C", str(rootfs), "."],
        Conduct(timeout_seconds=_BUILD_SECONDS),
    )


def _clear(directory: Path) -> None:
    """Never reaches through a mount that a killed build left behind."""
    unmount_below(directory)
    if directory.exists():
        shutil.rmtree(directory)
