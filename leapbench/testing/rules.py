"""What all checks share: how a broken rule is told, and how checks run together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Subject = TypeVar("Subject")
RuleCheck = Callable[[Subject], None]


def require(holds: bool, rule: str, message: str) -> None:
    """Fail with the rule's name and what breaks it.

    Raises:
        AssertionError: "<rule>: <message>", when `holds` is false.
    """
    if not holds:
        raise AssertionError(f"{rule}: {message}")


def run_all(checks: Iterable[RuleCheck[Subject]], subject: Subject) -> None:
    """Run every check on `subject`; the first broken rule raises."""
    for check in checks:
        check(subject)


def attach(checks: Iterable[RuleCheck[Any]]) -> Callable[[type], type]:
    """Class decorator: one `test_<rule>` method for each check, on `self.subject()`."""

    def decorate(cls: type) -> type:
        for check in checks:
            setattr(cls, f"test_{check.__name__}", _method(check))
        return cls

    return decorate


def _method(check: RuleCheck[Any]) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        check(self.subject())

    test.__doc__ = check.__doc__
    return test
