"""Every hostile text in every place it can reach, applied by the real Ansible, twice.

None is run or rendered, on the controller or on the target, and none is lost: the bytes are
equal afterwards, or the text is listed as one that no playbook can hold.
"""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

import pytest
import yaml

from releve.adapters.ansible.accelerator import read_installed
from releve.adapters.ansible.programs import program_beside_python
from releve.codify.message import tell_left_out, write_message
from releve.codify.plan import plan_changes
from releve.codify.types import CodifyPlan
from releve.model.finding import Deviation
from releve.model.observed import FactKind
from tests.codify.builders import (
    deviation,
    fake_encrypt,
    file_deviation,
    finding,
    line_of,
    path_touch,
    situation,
    task,
)
from tests.codify.payloads import list_payloads

SITE = b"""\
---
- name: Make the host
  hosts: blog
  gather_facts: false
  roles:
    - role: team
"""
TEAM = b"""\
---
- name: Write the settings
  ansible.builtin.template:
    src: settings.j2
    dest: "{{ team_root }}/settings"
    mode: "0644"
"""
TEMPLATE = b"# {{ ansible_managed }}\nfirst\n{% for n in [1, 2] %}\nn{{ n }}\n{% endfor %}\nlast\n"
RENDERED = b"# Ansible managed\nfirst\nn1\nn2\nlast\n"


@dataclass(frozen=True)
class Ground:
    root: Path
    canaries: Path
    repository: Path

    @property
    def files(self) -> dict[str, bytes]:
        hosts = (
            "all:\n  hosts:\n    blog:\n      ansible_connection: local\n"
            "      ansible_python_interpreter: '{{ ansible_playbook_python }}'\n"
            f"      team_root: {self.root}\n"
        )
        return {
            "site.yml": SITE,
            "inventory/hosts.yml": hosts.encode(),
            "roles/team/tasks/main.yml": TEAM,
            "roles/team/templates/settings.j2": TEMPLATE,
        }


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    made = Ground(tmp_path / "root", tmp_path / "canaries", tmp_path / "team")
    for directory in (made.root, made.canaries, made.repository):
        directory.mkdir()
    return made


def apply_plan(ground: Ground, planned: CodifyPlan, files: dict[str, bytes]) -> list[str]:
    """Two runs of the whole playbook; what each says of its changes."""
    files = dict(files)
    for change in planned.changes:
        files |= change.files
    for path, content in files.items():
        target = ground.repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    require_data_only(files)
    return [play(ground) for _ in range(2)]


def play(ground: Ground) -> str:
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(ground.root.parent),
        # As Relève itself converges; hundreds of items would take minutes otherwise.
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_STRATEGY_PLUGINS": read_installed().strategy_directory,
    }
    command = [program_beside_python("ansible-playbook"), "-i", "inventory/hosts.yml", "site.yml"]
    done = subprocess.run(
        command, cwd=ground.repository, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = re.search(r"changed=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])
    assert found is not None
    return found[1]


def require_data_only(files: dict[str, bytes]) -> None:
    """No server text in names, tags or conditions, and no template in an untagged value."""
    for path, content in files.items():
        if path.startswith("roles/catch_up_blog/vars/"):
            for node in walk(yaml.compose(content.decode(), Loader=yaml.SafeLoader)):
                is_tagged = node.tag in {"!unsafe", "!vault"}
                assert is_tagged or not re.search(r"\{[{%#]", str(node.value)), node.value
        if path.startswith("roles/catch_up_blog/") and path.endswith("/tasks/main.yml"):
            assert "CANARY" not in content.decode()


def walk(node: yaml.Node | None) -> list[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        return [node]
    if isinstance(node, yaml.SequenceNode):
        return [found for item in node.value for found in walk(item)]
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return [found for pair in pairs for item in pair for found in walk(item)]


def test_as_content_and_name_of_files_and_links(ground: Ground) -> None:
    """Also with bytes that are no text, a vault's header, and line ends of another system."""
    payloads = list_payloads(ground.canaries)
    contents = [payload.encode() for payload in payloads]
    contents += [b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", b"\xff\xfe\x00", b"a\r\nb\r\n", b"\0" * 9]
    live: dict[str, bytes] = {}
    deviations: dict[str, Deviation] = {}
    for index, content in enumerate(contents):
        name = payloads[index % len(payloads)].replace("/", "_")[:60]
        path = f"{ground.root}/{index}f{name}"
        live[path] = content
        deviations[path] = file_deviation(path, content)
        link = {"type": "link", "target": f"{index}f{name}", "owner": "root", "group": "root"}
        if index % 4:
            continue  # a link for one in four: an item takes Ansible its time
        path = f"{ground.root}/{index}l{name}"
        deviations[path] = deviation(FactKind.FILE, path, link)
    findings = [finding(found) for found in deviations.values()]
    planned = plan_changes(findings, situation(ground.files, live=live, encrypt=fake_encrypt))
    left = {found.finding.deviations[0].key for found in planned.not_codifiable}
    assert all(re.search(r"\$[A-Za-z0-9_{]", path) for path in left), left
    assert len(left) < len(deviations) / 10
    assert apply_plan(ground, planned, ground.files)[1] == "0"
    assert {path for path in deviations if not os.path.lexists(path)} == left
    written = live.keys() - left
    assert [path for path in written if Path(path).read_bytes() != live[path]] == []
    links = {path for path in deviations.keys() - left if Path(path).is_symlink()}
    assert all(str(Path(path).readlink()) == target_of(deviations[path]) for path in links)
    assert len(links) > len(payloads) / 5
    assert list(ground.canaries.iterdir()) == []


def test_as_lines_of_a_template(ground: Ground) -> None:
    """All in one template: each line is one that somebody added by hand."""
    lines = [
        line
        for payload in list_payloads(ground.canaries)
        for line in payload.split("\n")
        if line and not set(line) & set("\r\x01\x02\x03\0\x0b\x0c\x85\u2028\u2029")
    ]
    path = f"{ground.root}/settings"
    wanted = RENDERED.replace(b"first\n", b"first\n" + "\n".join(lines).encode() + b"\n")
    files = ground.files
    touches = [
        task(line_of(files, "roles/team/tasks/main.yml", "Write"), "template", path_touch(path))
    ]
    found = finding(file_deviation(path, wanted, RENDERED))
    planned = plan_changes([found], situation(files, live={path: wanted}, touches=touches))
    assert [list(change.files) for change in planned.changes] == [
        ["roles/team/templates/settings.j2"]
    ]
    assert apply_plan(ground, planned, files)[1] == "0"
    assert Path(path).read_bytes() == wanted
    assert list(ground.canaries.iterdir()) == []


def target_of(found: Deviation) -> str:
    assert found.ours is not None
    return found.ours.attributes["target"]


# Sinks that change more than files: planned here, and read back as Ansible would read them.
SOCKET = "IDENTIFIED VIA unix_socket"
SINKS: dict[str, Callable[[str], Deviation]] = {
    "package": lambda text: deviation(FactKind.PACKAGE, text, {"state": "installed"}),
    "package hold": lambda text: deviation(
        FactKind.PACKAGE, text, {"state": "installed", "hold": "yes"}, {"state": "installed"}
    ),
    "user": lambda text: deviation(FactKind.USER, text, {"uid": "1500", "home": "/home/x"}),
    "gecos": lambda text: deviation(FactKind.USER, "zoe", {"uid": "1500", "gecos": text}),
    "shell": lambda text: deviation(FactKind.USER, "zoe", {"uid": "1500", "shell": text}),
    "home": lambda text: deviation(FactKind.USER, "zoe", {"uid": "1500", "home": text}),
    "group": lambda text: deviation(FactKind.GROUP, text, {"gid": "1500"}),
    "member": lambda text: deviation(
        FactKind.GROUP, "g", {"gid": "1", "members": text}, {"gid": "1", "members": ""}
    ),
    "key": lambda text: deviation(FactKind.AUTHORIZED_KEY, f"zoe ssh-ed25519 {text}", {}),
    "key comment": lambda text: deviation(
        FactKind.AUTHORIZED_KEY, "zoe ssh-ed25519 AAAA", {"comment": text}
    ),
    "key options": lambda text: deviation(
        FactKind.AUTHORIZED_KEY, "zoe ssh-ed25519 AAAA", {"options": text}
    ),
    "unit": lambda text: deviation(FactKind.UNIT, text, {"enablement": "enabled"}),
    "unit with suffix": lambda text: deviation(
        FactKind.UNIT, f"{text}.service", {"enablement": "masked"}
    ),
    "job": lambda text: deviation(FactKind.CRON, f"root * * * * * {text}", {}),
    "whole job": lambda text: deviation(FactKind.CRON, f"root {text}", {}),
    "job's user": lambda text: deviation(FactKind.CRON, f"{text} * * * * * x", {}),
    "hostname": lambda text: deviation(FactKind.SETTING, "hostname", {"value": text}),
    "timezone": lambda text: deviation(FactKind.SETTING, "timezone", {"value": text}),
    "locale": lambda text: deviation(FactKind.SETTING, "locale.LANG", {"value": text}),
    "setting": lambda text: deviation(FactKind.SETTING, text, {"value": text}),
    "sysctl": lambda text: deviation(FactKind.SYSCTL, text, {"value": "1"}, {"value": "0"}),
    "sysctl value": lambda text: deviation(
        FactKind.SYSCTL, "net.core.somaxconn", {"value": text}, {"value": "0"}
    ),
    "module": lambda text: deviation(FactKind.MODULE, text, {}),
    "mount point": lambda text: deviation(
        FactKind.FSTAB, text, {"source": "/dev/x", "type": "ext4"}
    ),
    "mount source": lambda text: deviation(FactKind.FSTAB, "/mnt", {"source": text, "type": text}),
    "alternative": lambda text: deviation(
        FactKind.ALTERNATIVE, text, {"mode": "manual", "value": "/bin/x"}
    ),
    "alternative value": lambda text: deviation(
        FactKind.ALTERNATIVE, "editor", {"mode": "manual", "value": text}
    ),
    "diversion": lambda text: deviation(FactKind.DIVERSION, text, {"to": "/x", "by": "LOCAL"}),
    "statoverride": lambda text: deviation(
        FactKind.STATOVERRIDE, text, {"owner": text, "group": text, "mode": "0755"}
    ),
    "debconf": lambda text: deviation(FactKind.DEBCONF, f"pkg {text}", {"value": text}),
    "checkout": lambda text: deviation(
        FactKind.CHECKOUT, "/opt/x", {"remote": text, "revision": "a" * 40}
    ),
    "revision": lambda text: deviation(
        FactKind.CHECKOUT, "/opt/x", {"remote": "https://x.example/y", "revision": text}
    ),
    "distribution": lambda text: deviation(FactKind.PIP, f"system {text}", {"version": text}),
    "database": lambda text: deviation(FactKind.DATABASE, f"mariadb {text}", {}),
    "account": lambda text: deviation(
        FactKind.DATABASE_ROLE, f"mariadb {text}@localhost", {"login": SOCKET}
    ),
    "host of an account": lambda text: deviation(
        FactKind.DATABASE_ROLE, f"mariadb shop@{text}", {"login": SOCKET}
    ),
    "login": lambda text: deviation(FactKind.DATABASE_ROLE, "mariadb shop@%", {"login": text}),
    "plug-in": lambda text: deviation(
        FactKind.DATABASE_ROLE, "mariadb shop@%", {"login": f"{SOCKET} OR {text}"}
    ),
    "grants": lambda text: deviation(
        FactKind.DATABASE_ROLE, "mariadb shop@%", {"login": SOCKET, "grants": text}
    ),
    "privilege": lambda text: deviation(
        FactKind.DATABASE_ROLE,
        "mariadb shop@%",
        {"login": SOCKET, "grants": f"GRANT {text} ON *.* TO `shop`@`%`"},
    ),
    "database of a grant": lambda text: deviation(
        FactKind.DATABASE_ROLE,
        "mariadb shop@%",
        {"login": SOCKET, "grants": f"GRANT SELECT ON `{text}`.* TO `shop`@`%`"},
    ),
    "database of PostgreSQL": lambda text: deviation(
        FactKind.DATABASE, f"postgresql {text}", {"owner": "shop"}
    ),
    "owner of a database": lambda text: deviation(
        FactKind.DATABASE, "postgresql shop", {"owner": text}
    ),
    "role": lambda text: deviation(
        FactKind.DATABASE_ROLE, f"postgresql {text}", {"login": "no password"}
    ),
    "attributes of a role": lambda text: deviation(
        FactKind.DATABASE_ROLE, "postgresql shop", {"login": "no password", "attributes": text}
    ),
    "grants of a role": lambda text: deviation(
        FactKind.DATABASE_ROLE, "postgresql shop", {"login": "no password", "grants": text}
    ),
    "membership": lambda text: deviation(
        FactKind.DATABASE_ROLE,
        "postgresql shop",
        {"login": "no password", "grants": f'member of "{text}"', "settings": text},
    ),
    "owner": lambda text: file_deviation("/etc/x", b"x", owner=text),
    "group of a file": lambda text: file_deviation("/etc/x", b"x", group=text),
    "mode": lambda text: file_deviation("/etc/x", b"x", mode=text),
    "path": lambda text: file_deviation(f"/etc/{text}", b"x"),
    "link target": lambda text: deviation(
        FactKind.FILE, "/etc/x", {"type": "link", "target": text}
    ),
    "access list": lambda text: file_deviation("/etc/x", b"x", acl=text),
    "capabilities": lambda text: file_deviation("/etc/x", b"x", capabilities=text),
    "extended attributes": lambda text: file_deviation("/etc/x", b"x", xattrs=text),
    "extended attribute's name": lambda text: file_deviation(
        "/etc/x", b"x", xattrs=f"user.{text}=00"
    ),
    "type": lambda text: deviation(FactKind.FILE, "/etc/x", {"type": text}),
}


@pytest.mark.parametrize("sink", sorted(SINKS))
def test_in_every_other_place_it_is_data_or_refused(sink: str) -> None:
    """Written: it is read back as it was, tagged. Else it is listed, with a reason."""
    host = Path("/canary")
    files = {"site.yml": SITE, "inventory/hosts.yml": b"all:\n  hosts:\n    blog:\n"}
    for payload in list_payloads(host):
        found = SINKS[sink](payload)
        live = {found.key: b"x"} if found.kind == FactKind.FILE else {}
        given = situation(files, live=live, encrypt=fake_encrypt)
        planned = plan_changes([finding(found, title=f"see {payload}")], given)
        assert planned.changes or planned.not_codifiable[0].left_out[0].reason
        for change in planned.changes:
            require_data_only(dict(change.files))
            require_own_words(dict(change.files), payload)
            require_shown_safely(write_message(change))
        for refused in planned.not_codifiable:
            require_shown_safely(tell_left_out(refused.left_out[0]))


def require_own_words(files: dict[str, bytes], payload: str) -> None:
    """Only variables, and the files of the role, hold the payload."""
    telling = payload.strip()
    for path, content in files.items():
        yaml.compose(content.decode("utf-8", "replace"), Loader=yaml.SafeLoader)
        if "/vars/" not in path and "/files/" not in path and len(telling) > 8:
            assert telling.encode() not in content, path
        assert ".." not in path.split("/")
        assert re.fullmatch(r"[A-Za-z0-9_./@+-]+", path), path


def require_shown_safely(text: str) -> None:
    """Blanks of other widths may be shown; what acts, breaks lines or has no form may not."""
    acting = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
    assert not [letter for letter in text.replace("\n", "") if category(letter) in acting]
