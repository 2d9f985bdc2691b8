"""A filter of the team's own; Python would leave a __pycache__ beside it."""


class FilterModule:
    def filters(self) -> dict[str, type[str]]:
        return {"plain": str}
