"""The base of all records."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **fields: Any) -> Self:
        """A copy with other fields, validated like any record.

        Raises:
            pydantic.ValidationError: for a value that the field does not take.
        """
        own = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate(own | fields)
