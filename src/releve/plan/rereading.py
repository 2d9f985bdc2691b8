"""A plan that people go on editing: read anew, and what is wrong with it told once."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from releve.errors import PlanError
from releve.plan.loading import LoadedPlan, load_plan

Say = Callable[[str, dict[str, Any]], None]


class PlanReader:
    """For several threads."""

    def __init__(self, path: Path, *, require: Callable[[LoadedPlan], None], say: Say) -> None:
        """`require`: raises PlanError where what the plan names beside itself cannot be used."""
        self.path = path
        self._require = require
        self._say = say
        self._told = ""
        self._guard = threading.Lock()

    def load(self) -> LoadedPlan:
        loaded = load_plan(self.path)
        self._require(loaded)
        return loaded

    def read(self) -> LoadedPlan | None:
        """None while it cannot be used."""
        with self._guard:
            try:
                loaded = self.load()
            except PlanError as error:
                if self._told != str(error):
                    self._told = str(error)
                    self._say("plan_refused", {"why": str(error), "location": error.location})
                return None
            if self._told:
                self._say("plan_accepted", {"plan": str(self.path)})
            self._told = ""
            return loaded
