"""Who has no cloud of this kind never loads its libraries."""

import subprocess
import sys


def test_another_plan_does_not_load_openstacksdk() -> None:
    code = (
        "import sys, releve.wiring, releve.cli.main, releve.providers.lxd.connection;"
        "print(*{'openstack', 'keystoneauth1'} & {name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
