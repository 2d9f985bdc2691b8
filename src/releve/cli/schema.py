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
    facts: Annotated[
        bool, typer.Option("--facts", help="the reference page of facts, in Markdown, instead")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON Schema, as without it")] = False,
) -> None:
    """Print the JSON Schema of releve.yml."""
    from releve.model.fact_reference import write_fact_reference
    from releve.plan.reference import write_reference
    from releve.plan.schema import write_schema

    del json  # the schema is JSON in any case
    if facts:
        typer.echo(write_fact_reference(), nl=False)
    else:
        typer.echo(write_reference() if reference else write_schema(), nl=False)
