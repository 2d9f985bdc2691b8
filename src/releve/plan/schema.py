"""The JSON Schema of releve.yml, so that editors complete and check it."""

import json
from datetime import timedelta
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from releve.plan.durations import format_duration
from releve.plan.types import Plan

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _PlanSchema(GenerateJsonSchema):
    schema_dialect = DIALECT

    def encode_default(self, dft: Any) -> Any:
        """As a person writes it: 15m, not PT15M."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def make_schema() -> dict[str, Any]:
    schema = Plan.model_json_schema(schema_generator=_PlanSchema)
    return {"$schema": DIALECT, **schema, "title": "releve.yml"}


def write_schema() -> str:
    return json.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n"
