"""releve drill: rehearse the recovery of a host on a twin, and say whether it is ready."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("drill")(drill)


def drill(  # noqa: PLR0913 - one parameter for each option
    host: Annotated[str, typer.Argument(help="the host's name in the plan")] = "",
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    twins: Annotated[
        int | None, typer.Option("--twins", min=1, max=2, help="how many; default: as planned")
    ] = None,
    image: Annotated[
        bool | None,
        typer.Option("--keep-image/--no-image", help="leave an image; default: as planned"),
    ] = None,
    lab: Annotated[
        str, typer.Option("--lab", metavar="NAME", help="rehearse in this lab instead")
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="only show what the last one said")] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="only remove what broken-off drills left behind")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object per line")] = False,
    lang: Annotated[str, typer.Option("--lang", help="language of the report: en or fr")] = "en",
) -> None:
    """Rehearse the recovery of a host on a twin; production is not touched."""
    from releve.cli import rehearsing
    from releve.cli.driving import Manner
    from releve.drill.rehearse import Choices
    from releve.plan.loading import find_plan, load_plan
    from releve.wiring import open_state

    loaded = load_plan(plan or find_plan(Path.cwd()))
    ground = rehearsing.Ground(loaded, open_state(), Manner(json, lang))
    if sweep:
        rehearsing.sweep(ground, host=host)
    elif last:
        rehearsing.show_last(ground, rehearsing.choose_host(loaded, host))
    else:
        choices = Choices(twins=twins, image=image, lab=lab)
        rehearsing.rehearse(ground, rehearsing.choose_host(loaded, host), choices, ask=not yes)
