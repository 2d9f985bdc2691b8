"""Bring a lab up: make what is missing, start what is not running, touch nothing else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from releve.errors import LabError
from releve.lab import disks, instances, network
from releve.lab.base_image import ensure_base_image
from releve.lab.client import Client
from releve.lab.daemon import ensure_daemon, is_daemon_running, open_gate
from releve.lab.engine import Engine, choose_engine
from releve.lab.limits import INOTIFY, raise_limit
from releve.lab.locks import hold_lock
from releve.lab.readiness import require_programs, require_root, require_space
from releve.lab.record import HostRecord, LabRecord, VolumeRecord, read_record, write_record
from releve.lab.settings import LabSettings, RootFilesystem, check_settings
from releve.lab.status import LabReport, read_report
from releve.lab.sweep import claim_directory, sweep_lab

Say = Callable[[str], None]

_LOCK_SECONDS: Final = 1.0
_NETWORK_LOCK_SECONDS: Final = 60.0
_HOSTS: Final = ("blog",)
_VOLUMES: Final = (("data", "2GiB", "/srv/data"), ("backup", "1GiB", "/srv/backup"))


def bring_up(settings: LabSettings, *, say: Say) -> LabReport:
    """A second time it changes nothing; after a crash or a reboot it brings the lab back."""
    check_settings(settings)
    require_root()
    paths = settings.paths
    with hold_lock(
        paths.identity, wait_seconds=_LOCK_SECONDS, holder=f"at work on {settings.name}"
    ):
        record = read_record(paths.record)
        if record is not None and not record.complete:
            say("An earlier `lab up` did not end: clearing what it left")
            sweep_lab(paths)
            record = None
        engine = choose_engine(prefer=record.engine if record else "")
        if record is None:
            record = _make_lab(settings, engine, say=say)
        else:
            _check_same(settings, record)
            _resume_lab(record, Client(engine, paths), say=say)
        return read_report(paths, record, engine=engine)


def _make_lab(settings: LabSettings, engine: Engine, *, say: Say) -> LabRecord:
    paths = settings.paths
    require_programs(settings)
    require_space(paths.directory)
    image = ensure_base_image(settings.image_cache, fresh=settings.fresh_image, say=say)
    claim_directory(paths)
    client = Client(engine, paths)
    with hold_lock(
        network.NETWORK_LOCK, wait_seconds=_NETWORK_LOCK_SECONDS, holder="choosing a lab's network"
    ):
        record = _choose_names(settings, engine)
        write_record(paths.record, record)
        _raise_limits(say)
        with _timed(say, f"{engine.name} daemon of its own"):
            open_gate(paths)
            disks.mount_disks(paths, record)
            ensure_daemon(client)
        with _timed(say, f"network {record.bridge} {record.subnet}, MTU {record.mtu}"):
            network.ensure_network(client, record)
            for host in record.hosts:
                network.ensure_forward(client, record, host=host)
    _fill_storage(client, record, say=say)
    with _timed(say, "base image imported"):
        instances.ensure_image(client, image)
    _start_hosts(client, record, say=say)
    record = replace(record, complete=True)
    write_record(paths.record, record)
    return record


def _choose_names(settings: LabSettings, engine: Engine) -> LabRecord:
    paths = settings.paths
    labs, names = paths.directory.parent, settings.hosts or _HOSTS
    subnet = network.choose_subnet(network.read_taken_networks(labs), seed=paths.identity)
    public = network.choose_public_addresses(network.read_taken_addresses(labs), count=len(names))
    root = settings.root_filesystem or RootFilesystem.EXT4
    hosts = tuple(
        HostRecord(name, root, network.private_address(subnet, index), address)
        for index, (name, address) in enumerate(zip(names, public, strict=True))
    )
    return LabRecord(
        name=settings.name,
        engine=engine.name,
        bridge=paths.bridge,
        subnet=subnet,
        mtu=network.read_mtu(),
        copy_on_write=settings.copy_on_write and disks.has_copy_on_write(),
        hosts=hosts,
        volumes=tuple(VolumeRecord(host, *one) for host in names for one in _VOLUMES),
    )


def _fill_storage(client: Client, record: LabRecord, *, say: Say) -> None:
    kind = "copy-on-write" if record.copy_on_write else "plain (this kernel has no btrfs)"
    with _timed(say, f"{kind} pool {disks.INSTANCE_POOL!r} for new instances"):
        disks.ensure_instance_pool(client, record)
        instances.ensure_default_profile(client, record)
    with _timed(say, f"volumes {', '.join(volume.identity for volume in record.volumes)}"):
        for volume in record.volumes:
            disks.ensure_volume(client, record, volume=volume)


def _start_hosts(client: Client, record: LabRecord, *, say: Say) -> None:
    instances.ensure_ssh_key(client.paths, record.name)
    for host in record.hosts:
        title = f"host {host.name}, root on {host.root_filesystem}, at {host.public_address}"
        with _timed(say, title):
            instances.ensure_host(client, record, host=host)
            instances.await_host(client, host)
    instances.write_known_hosts(client, record)


def _resume_lab(record: LabRecord, client: Client, *, say: Say) -> None:
    """A machine that was restarted starts what ran; an instance stopped on purpose stays so."""
    if is_daemon_running(client):
        say(f"Lab {record.name} is up")
    else:
        _raise_limits(say)
        with _timed(say, "disks and daemon started again"):
            open_gate(client.paths)
            disks.mount_disks(client.paths, record)
            ensure_daemon(client)
    instances.mend_roots(client, record)


def _raise_limits(say: Say) -> None:
    done = raise_limit(INOTIFY)
    if done:
        say(done)


def _check_same(settings: LabSettings, record: LabRecord) -> None:
    made = [host.name for host in record.hosts]
    root, wanted = record.hosts[0].root_filesystem, settings.root_filesystem
    differences = {
        f"its hosts are {', '.join(made)}": sorted(settings.hosts or made) != sorted(made),
        f"its roots are {root.value}": (wanted or root) is not root,
        "it was made from an earlier image": settings.fresh_image,
    }
    found = [reason for reason, differs in differences.items() if differs]
    if found:
        raise LabError(
            f"Lab {record.name} is there already, and not as asked for",
            why="; ".join(found),
            remedy="run `releve lab down` first, or make another one with --name",
        )


@contextmanager
def _timed(say: Say, title: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    say(f"{title} ({time.monotonic() - started:.1f} s)")
