"""The Ansible programs that are installed with Relève."""

import shutil
import sys
from pathlib import Path


def program_beside_python(name: str) -> str:
    """The program of the ansible-core that is installed with Relève, whatever PATH says."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name
