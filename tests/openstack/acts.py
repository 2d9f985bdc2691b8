"""The requests by which the steps of a recovery act on an OpenStack cloud."""

from typing import Final

from tests.openstack.faults import Where

ACTS: Final = {
    "S04": Where("POST", r"/servers/[^/]+/metadata", action="active", service="compute"),
    "S05": Where("POST", r"/snapshots", service="volume"),
    "S06": Where("POST", r"/servers/[^/]+/action", action="os-stop"),
    "S07": Where("POST", r"/ports", service="network"),
    "S08": Where("POST", r"/servers", service="compute"),
    "S11": Where("DELETE", r"/servers/[^/]+/os-volume_attachments/[^/]+", service="compute"),
    "S13": Where("POST", r"/servers/[^/]+/os-volume_attachments", service="compute"),
    "S17": Where("PUT", r"/floatingips/[^/]+", service="network"),
    "S19": Where("POST", r"/servers/[^/]+/metadata", action="quarantined", service="compute"),
}
LOCK: Final = Where("POST", r"/servers/[^/]+/action", action="lock")
STEPS: Final = {
    "S04": "mark",
    "S05": "snapshot_volumes",
    "S06": "fence",
    "S07": "reserve_port",
    "S08": "create_instance",
    "S11": "detach_volumes",
    "S13": "attach_volumes",
    "S17": "cut_over",
    "S19": "quarantine",
}
