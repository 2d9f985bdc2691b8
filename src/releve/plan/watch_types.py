"""How hosts are watched, and who is told."""

from datetime import timedelta
from typing import Final

from pydantic import Field

from releve.plan.durations import Duration
from releve.plan.strict import Name, Strict

DEFAULT_LISTEN: Final = "127.0.0.1:9417"


class HostWatch(Strict):
    """What is watched on one host."""

    enabled: bool = Field(default=True, description="false: this host is not watched")
    read_only: list[str] = Field(
        default_factory=list,
        description="mount points that are meant to be read-only, though fstab does not say so",
    )
    ignore_units: list[str] = Field(
        default_factory=list, description="units that may fail, such as motd-news.service"
    )
    certificates: list[str] = Field(
        default_factory=list,
        description="certificate files on the host, such as /etc/ssl/certs/blog.pem; "
        "empty: those under /etc/letsencrypt/live",
    )


class NotifyChannel(Strict):
    """One channel of apprise; its URL holds secrets and is therefore never in the plan."""

    name: Name = Field(description="what you call it")
    url_file: str = Field("", description="a file, readable by you alone, that holds the URL")
    url_env: str = Field("", description="a variable of the environment that holds the URL")


class WatchPlan(Strict):
    """How all hosts of this plan are watched; read by `releve watch` and `releve serve`."""

    interval: Duration = Field(
        timedelta(seconds=10), description="between two rounds of a host's probe, 1s to 5m"
    )
    dwell: Duration = Field(
        timedelta(seconds=3),
        description="how long two vantage points must say the same before a crash is confirmed",
    )
    unreachable_after: Duration = Field(
        timedelta(seconds=60), description="how long a host may be silent before it is held dead"
    )
    check_interval: Duration = Field(
        timedelta(seconds=30), description="between two rounds of the checks from the controller"
    )
    outside: str = Field(
        "",
        description="address:port of a host outside your cloud that always answers; one of the "
        "three controls that tell a dead host from a dead network",
    )
    approval_lasts: Duration = Field(
        timedelta(hours=1), description="after this, an approval that was not used is void"
    )
    notify: list[NotifyChannel] = Field(
        default_factory=list, description="channels of apprise that are told of incidents"
    )
    listen: str = Field(
        DEFAULT_LISTEN,
        description="address:port of /metrics and /hooks/alert under `releve serve`; empty: none",
    )
    hook_token_file: str = Field(
        "",
        description="a file, readable by you alone, with the token that /hooks/alert wants; "
        "empty: the hook is closed",
    )
