"""The team's repository through git's plumbing: no checkout, index, hook or filter is used."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from releve.adapters.git.program import Git
from releve.errors import PlanError
from releve.ports.team_repository import CommitDraft, TeamRepository

_MOST_BYTES: Final = 64 << 20
_LARGEST_FILE: Final = 2 << 20  # larger ones are of no use to codify
_NEW_FILE: Final = "100644"


class GitRepository(TeamRepository):
    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        """`directory` is that of releve.yml; PlanError where it is not in a git repository."""
        self._directory = directory.resolve()
        self._git = Git(self._directory, environment or os.environ)
        self._prefix = self._git.text("rev-parse", "--show-prefix")
        self._top = Path(self._git.text("rev-parse", "--show-toplevel"))

    def head(self) -> str:
        try:
            return self._git.text("rev-parse", "--verify", "HEAD^{commit}")
        except PlanError as error:
            raise PlanError(
                "the repository has no commit yet",
                why=error.why,
                remedy="commit the playbooks, so that a branch can start from them",
            ) from error

    def read_files(self, commit: str) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        total = 0
        for mode, kind, blob, size, path in self._list(commit):
            if kind != "blob" or mode == "120000" or size > _LARGEST_FILE:
                continue
            total += size
            if total > _MOST_BYTES:
                raise PlanError(
                    f"the repository holds more than {_MOST_BYTES >> 20} MiB",
                    remedy="keep large files outside the Ansible repository",
                )
            found[path] = self._git.output("cat-file", "blob", blob)
        return found

    def list_uncommitted(self) -> tuple[str, ...]:
        listed = self._git.output("diff", "--name-only", "--relative", "-z", "HEAD", "--", ".")
        return tuple(os.fsdecode(path) for path in listed.split(b"\0") if path)

    def make_branch(self, name: str, commit: str, drafts: Sequence[CommitDraft]) -> tuple[str, ...]:
        self._git.text("check-ref-format", "--branch", name)
        if self._git.succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/{name}"):
            raise PlanError(
                f"the branch {name} exists already",
                remedy=f"merge it, delete it with `git branch -D {name}`, or name another one "
                "with --branch",
            )
        made: list[str] = []
        with tempfile.TemporaryDirectory(prefix="releve-index-") as directory:
            index = {"GIT_INDEX_FILE": str(Path(directory, "index"))}
            self._git.text("read-tree", commit, extra=index)
            parent = commit
            for draft in drafts:
                parent = self._commit(draft, parent, index=index)
                made.append(parent)
        # The old value of zeros: refused if somebody made the branch meanwhile.
        self._git.text("update-ref", f"refs/heads/{name}", parent, "0" * len(parent))
        return tuple(made)

    @contextmanager
    def check_out(self, commit: str) -> Iterator[Path]:
        parent = Path(tempfile.mkdtemp(prefix="releve-branch-"))
        tree = parent / "tree"
        try:
            self._git.text("worktree", "add", "--detach", "--quiet", str(tree), commit)
            self._link_ignored(tree)
            yield tree / self._prefix
        finally:
            self._git.succeeds("worktree", "remove", "--force", str(tree))
            shutil.rmtree(parent, ignore_errors=True)
            self._git.succeeds("worktree", "prune")

    def _list(self, commit: str) -> Iterator[tuple[str, str, str, int, str]]:
        listed = self._git.output(
            "ls-tree", "--full-tree", "-r", "-z", "--long", f"{commit}:{self._prefix}"
        )
        for entry in listed.split(b"\0"):
            if entry:
                facts, _, path = entry.partition(b"\t")
                mode, kind, blob, size = facts.decode("ascii").split()
                yield mode, kind, blob, int(size) if size.isdigit() else 0, os.fsdecode(path)

    def _commit(self, draft: CommitDraft, parent: str, *, index: Mapping[str, str]) -> str:
        modes = {path: mode for mode, _, _, _, path in self._list(parent)}
        lines = []
        for path, content in draft.files.items():
            blob = self._git.text("hash-object", "-w", "--no-filters", "--stdin", stdin=content)
            entry = f"{modes.get(path, _NEW_FILE)} {blob}\t{self._prefix}{path}"
            lines.append(os.fsencode(entry))
        self._git.text(
            "update-index", "-z", "--index-info", stdin=b"\0".join(lines) + b"\0", extra=index
        )
        tree = self._git.text("write-tree", extra=index)
        message = draft.message.encode("utf-8", "backslashreplace")
        return self._git.text("commit-tree", tree, "-p", parent, "-F", "-", stdin=message)

    def _link_ignored(self, tree: Path) -> None:
        listed = self._git.output(
            "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"
        )
        for raw in listed.split(b"\0"):
            name = os.fsdecode(raw).rstrip("/")
            target = tree / self._prefix / name
            if name and not target.exists() and target.parent.is_dir():
                target.symlink_to(self._directory / name)
