"""Git checkouts: where they come from, at which revision, and what was changed in them.

A repository is hostile until its configuration says nothing that git could execute: only then
git is asked, as the repository's owner, without hooks, filters, pagers and other configuration.
"""

import re

from releve.scan.collector.system import NotChecked
from releve.scan.collector.trees import walk

KINDS = ("checkout",)
LIVE = False

_ROOTS = (
    ("/opt", 4), ("/srv", 4), ("/home", 4), ("/root", 4), ("/usr/local", 4), ("/var/www", 4),
    ("/var/lib", 3), ("/etc", 1),
)  # fmt: skip
_HARMLESS = re.compile(
    r"\A(?:core\.(?:repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|symlinks"
    r"|precomposeunicode|autocrlf|eol|sharedrepository|compression|abbrev|quotepath)"
    r"|remote\.(?:url|pushurl|fetch|tagopt|prune|mirror)|branch\.(?:remote|merge|rebase|vscode-.*)"
    r"|user\.(?:name|email)|pull\.(?:rebase|ff)|push\.default|init\.defaultbranch|color\..*"
    r"|advice\..*|submodule\.(?:active|url)|lfs\.repositoryformatversion|gc\.auto"
    r"|receive\.denycurrentbranch)\Z"
)
_SAFE = (
    ("core.fsmonitor", "false"), ("core.hooksPath", "/dev/null"), ("safe.directory", "*"),
    ("core.pager", "cat"), ("core.untrackedCache", "false"), ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
)  # fmt: skip
_ENVIRONMENT = (
    "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
    "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "HOME=/nonexistent",
)  # fmt: skip
_REVISION = re.compile(r"\A[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_REFERENCE = re.compile(r"\Arefs/[A-Za-z0-9._/@+-]{1,240}\Z")
_SECTION = re.compile(r'\A\[([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\]\s*(.*)\Z')
_ASSIGNMENT = re.compile(r"\A([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?\Z")
_MOST_PATHS = 200
_MOST_LINES = 5000
_MOST_CHECKOUTS = 500


def collect(system):
    for root, depth in _ROOTS:
        count = 0
        try:
            for path, names in walk(system, root, depth):
                count += ".git" in names
                if ".git" in names and count <= _MOST_CHECKOUTS:
                    for fact in _checkout(system, path):
                        yield fact
            if count > _MOST_CHECKOUTS:
                why = "only the first %d of %d" % (_MOST_CHECKOUTS, count)
                yield "not_checked", "checkout:" + root, {"why": why}, {}
        except NotChecked as failure:
            yield "not_checked", "checkout:" + root, {"why": str(failure)}, {}


def _checkout(system, path):
    git = path + "/.git"
    try:
        settings = _settings(_text(system, git + "/config", 1 << 18))
        head = _text(system, git + "/HEAD").strip()
        attributes = _at(system, git, head)
    except NotChecked as failure:
        yield "not_checked", "checkout:" + path, {"why": str(failure)}, {}
        return
    if not attributes and not settings:
        return  # a directory that only has the name
    remotes = {name: value for section, name, value in settings if section == "remote.url"}
    remote = remotes.get("origin") or (remotes[min(remotes)] if remotes else "")
    if remote:
        attributes["remote"] = _without_login(system, remote)
    try:
        attributes.update(_changes(system, path, settings))
    except NotChecked as failure:
        yield "not_checked", "checkout:" + path, {"why": "changes in it: " + str(failure)}, {}
    yield "checkout", path, attributes, {}


def _settings(text):
    """(section.key, subsection, value) of a configuration file."""
    found = []
    section = subsection = ""
    lines = text.split("\n")
    # whatever is read otherwise here than by git could hide what git would run
    if len(lines) > _MOST_LINES or re.search(r"\\\r?(?:\n|\Z)|[\x00\x0b\x0c]", text):
        return [("unreadable.?", "", "")]
    for raw in lines:
        line = raw.strip()
        opened = _SECTION.match(line)
        if opened:
            section, subsection = opened.group(1).lower(), opened.group(2) or ""
            line = opened.group(3)
        if not line or line[0] in "#;":
            continue
        assigned = _ASSIGNMENT.match(line)
        if assigned is None:
            found.append((section + ".?", subsection, line))  # never harmless
        else:
            value = (assigned.group(2) or "").strip().strip('"')
            found.append((section + "." + assigned.group(1).lower(), subsection, value))
    return found


def _at(system, git, head):
    """Branch and revision without asking git."""
    if _REVISION.match(head):
        return {"revision": head}
    name = head[5:].strip() if head.startswith("ref: ") else ""
    if not _REFERENCE.match(name) or ".." in name:
        return {}
    attributes = {"branch": re.sub(r"\Arefs/heads/", "", name)}
    revision = _text(system, git + "/" + name).strip()
    if not revision:
        packed = _text(system, git + "/packed-refs")
        line = re.search(r"^([0-9a-f]{40,64}) %s$" % re.escape(name), packed, re.MULTILINE)
        revision = line.group(1) if line else ""
    if _REVISION.match(revision):
        attributes["revision"] = revision
    return attributes


def _without_login(system, remote):
    shown = re.sub(r"\A([a-z+]+://)[^/@\s]*@", r"\1", remote)
    return re.sub("[\x00-\x1f\x7f]", "?", system.mask(shown))[:2048]


def _changes(system, path, settings):
    if system.offline:
        raise NotChecked("needs a running system")
    unsafe = sorted({name for name, _, _ in settings if not _HARMLESS.match(name)})
    if unsafe:
        raise NotChecked("its configuration could make git run something: " + unsafe[0][:64])
    if system.read(path + "/.git/commondir") is not None:
        raise NotChecked("it shares the configuration of another one")
    git = _command(system, path)
    code, out = system.run(
        [*git, "status", "--porcelain=v1", "-z", "--ignore-submodules=all", "--no-renames"], 20
    )
    if code != 0:
        raise NotChecked("git is not there" if code == 127 else "git ends with %d" % code)
    records = out.decode("utf-8", "surrogateescape").split("\0")
    paths = sorted({record[3:] for record in records if len(record) > 3})
    if len(paths) > _MOST_PATHS:
        paths = [*paths[:_MOST_PATHS], "and %d more" % (len(paths) - _MOST_PATHS)]
    found = {"dirty": ",".join(paths)} if paths else {}
    code, out = system.run([*git, "rev-list", "--count", "HEAD", "--not", "--remotes"], 20)
    if code == 0 and re.match(rb"\A[1-9]\d{0,9}\n\Z", out):
        found["unpushed"] = out.decode("ascii").strip()
    return found


def _command(system, path):
    """As the owner: whoever wins a race for the configuration gains nothing by it."""
    owner = system.owner(path + "/.git")
    become = []
    if owner:
        number = "%d" % owner
        become = ["setpriv", "--reuid=" + number, "--regid=" + _group(system, number)]
        become.append("--clear-groups")
    options = []
    for name, value in _SAFE:
        options += ["-c", name + "=" + value]
    return [*become, "env", *_ENVIRONMENT, "git", *options, "--no-pager", "-C", path]


def _group(system, number):
    for line in _text(system, "/etc/passwd").split("\n"):
        fields = line.split(":")
        if len(fields) == 7 and fields[2] == number and fields[3].isdigit():
            return fields[3]
    return "65534"


def _text(system, path, limit=8 << 20):
    return (system.read(path, limit) or b"").decode("utf-8", "surrogateescape")
