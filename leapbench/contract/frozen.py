"""The base of all records."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
