"""releve schema: the JSON Schema of releve.yml, for editors, and its reference page."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("schema")(schema)


def schema(
    *,
    reference: Annotated[
        bool, typer.Option("--reference", help="the reference page, in Markdown, instead")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON Schema, as without it")] = False,
) -> None:
    """Print the JSON Schema of releve.yml."""
    from releve.plan.reference import write_reference
    from releve.plan.schema import write_schema

    del json  # the schema is JSON in any case
    typer.echo(write_reference() if reference else write_schema(), nl=False)
