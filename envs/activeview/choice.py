"""From plain settings, as a protocol or a command line has them, to a radiance field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leapbench.errors import UserError, unknown

if TYPE_CHECKING:
    from leapbench.envs.activeview.field import Field

LATTICE, NETWORK = "voxel", "mlp"


def build(settings: Mapping[str, Any], seed: int) -> Field:
    """A new field; torch is imported here and not before.

    Args:
        settings: "kind", which is "voxel" if it is not given, or "mlp"; the other names
            are those of `FieldSettings` or `MlpSettings`. A "likelihood" may be a
            mapping with names of `Likelihood`.
        seed: of the field.

    Raises:
        UserError: for another kind, or settings that it does not have or refuses.
    """
    from leapbench.envs.activeview.field import FieldSettings, MlpField, MlpSettings, VoxelField

    given = dict(settings)
    kind = given.pop("kind", LATTICE)
    if kind not in (LATTICE, NETWORK):
        raise unknown("kind of field", str(kind), (LATTICE, NETWORK))
    if kind == NETWORK:
        return MlpField(_filled(MlpSettings, given), seed)
    return VoxelField(_filled(FieldSettings, given), seed)


def _filled(kind: Any, given: dict[str, Any]) -> Any:
    """Settings of a kind, a dataclass, with what is given in place of its defaults."""
    from leapbench.envs.activeview.field import Likelihood

    loss = given.get("likelihood")
    if isinstance(loss, Mapping):
        given = given | {"likelihood": _filled(Likelihood, dict(loss))}
    strange = set(given) - set(kind.__dataclass_fields__)
    if strange:
        known = ", ".join(kind.__dataclass_fields__)
        raise UserError(f"The field has no setting {min(strange)!r}.", f"It has: {known}.")
    try:
        return kind(**given)
    except TypeError as error:
        raise UserError(f"field={given!r} does not fit: {error}.") from error
