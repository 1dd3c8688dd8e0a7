"""A click group that imports a command when it is called and tells errors in one line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any

import click

from leapbench.errors import UserError, unknown

INTERRUPTED = 130
Sections = Mapping[str, Sequence[str]]


class Mistake(click.ClickException):
    """A mistake on its way out of the command: one line, exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to stderr."""
        click.echo(f"error: {self.message}", file=file, err=file is None)


class Share(click.FloatRange):
    """A number from 0 to 1; NaN, which no bound holds, is none."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number that was typed."""
        number: float = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value} is not in the range 0<=x<=1.", param, ctx)
        return number


class Command(click.Command):
    """Command whose help ends in sections of unwrapped lines, such as examples.

    Args:
        sections: heading to lines.
    """

    def __init__(self, *args: Any, sections: Sections | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections or {}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections at the end of the help."""
        write_sections(self._sections, formatter)


class LazyGroup(click.Group):
    """Group whose commands are attributes `command` of modules named in advance.

    Args:
        commands_of: module of each command.
        summaries: line of each command in the group's help, which imports none of them.
        sections: as for `Command`.
    """

    def __init__(
        self,
        *args: Any,
        commands_of: Mapping[str, str],
        summaries: Mapping[str, str],
        sections: Sections | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._modules, self._summaries, self._sections = commands_of, summaries, sections or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which a newcomer needs them."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None for an unknown name."""
        if cmd_name not in self._modules:
            return None
        found: click.Command = import_module(self._modules[cmd_name]).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed.

        Raises:
            UserError: when there is none, with the nearest name.
        """
        if args and not args[0].startswith("-") and args[0] not in self._modules:
            raise unknown("command", args[0], self._modules, "leapbench --help")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' summaries into the help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections at the end of the help."""
        write_sections(self._sections, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the group's own options."""
        with _one_line_each():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; mistakes and warnings become one line each."""
        with warnings.catch_warnings(), _one_line_each():
            warnings.showwarning = _one_line
            return super().invoke(ctx)


@contextmanager
def _one_line_each() -> Iterator[None]:
    """Tell what was typed wrong in one line, with what to type instead."""
    try:
        yield
    except UserError as error:
        raise Mistake(" ".join(str(error).split())) from None
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        line = " ".join(error.format_message().split())
        where = error.ctx.command_path if error.ctx else "leapbench"
        raise Mistake(f"{line} Try: {where} --help") from None


def write_sections(sections: Sections, formatter: click.HelpFormatter) -> None:
    """Write each section's lines as they are, indented under its heading."""
    for heading, lines in sections.items():
        with formatter.section(heading):
            for line in lines:
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")


def _one_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    click.echo(f"warning: {' '.join(str(message).split())}", err=True)
