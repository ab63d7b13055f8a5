"""YAML files as plain values, with the line of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any, NoReturn

import yaml

from retiarii.cli.config.problems import ConfigError, Path, Problem, Problems, shown
from retiarii.cli.config.scalars import scalar

_MOST_BYTES = 1_000_000
_DEEPEST = 50
_MOST_VALUES = 50_000
_LONGEST_KEY = 500
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Document:
    """What a file says."""

    source: str
    """The file, as messages name it."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    """Where each value stands, from 1; that of a value in a mapping is the line of its key."""

    options: dict[Path, str] = field(default_factory=dict)
    """The options of the command line that gave values in place of the file."""

    def error(self, problems: Problems) -> ConfigError:
        """An error that says all of them, a line each, in the order of the file."""
        ordered = sorted(problems.problems, key=lambda problem: self._line(problem.path))
        return ConfigError("\n".join([self._described(problem) for problem in ordered]))

    def _described(self, problem: Problem) -> str:
        """A problem in one line, with the option or the line that gave the value, or else the one that it is in."""
        text = " ".join(problem.text.split())
        field = shown(problem.path)
        option = self._option(problem.path)
        if option is not None:
            return f"{option} {field}: {text}" if option == "--set" else f"{option}: {text}"
        place = f"{self.source}:{self._line(problem.path)}"
        return f"{place}: {field}: {text}" if field else f"{place}: {text}"

    def _option(self, path: Path) -> str | None:
        return next((self.options[part] for part in _prefixes(path) if part in self.options), None)

    def _line(self, path: Path) -> int:
        return next((self.lines[part] for part in _prefixes(path) if part in self.lines), 1)

    def forget(self, path: Path) -> None:
        """Drops the places of a value and of all within it."""
        for places in (self.lines, self.options):
            for known in [known for known in places if known[: len(path)] == path]:
                del places[known]


def read(file: File) -> Document:
    """What a YAML file says.

    Raises:
        ConfigError: it can't be read, or has what a config doesn't need: aliases, tags, keys that occur twice, more
            than a megabyte, 50 levels or 50,000 values.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{file}: has more than {_MOST_BYTES:,} bytes; is it a config?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: is no UTF-8 text; save it as such") from None
    return parsed(text, str(file))


def parsed(text: str, source: str) -> Document:
    """What a YAML text says; see `read`."""
    return _Parser(text, Document(source)).document()


def parsed_option(text: str, option: str) -> Any:
    """The value of a YAML text that an option gave; see `read`."""
    return _Parser(text, Document(option, options={(): option})).document().value


class _Parser:
    """Makes values of what the parser of YAML finds, and refuses what it should not find."""

    def __init__(self, text: str, document: Document) -> None:
        self._text = text
        self._document = document
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)

    def document(self) -> Document:
        try:
            next(self._events)
            if isinstance(next(self._events), yaml.StreamEndEvent):
                self._refuse(1, "is empty")
            self._document.value = self._value(next(self._events), ())
            next(self._events)
            following = next(self._events)
        except yaml.reader.ReaderError as error:
            character = chr(error.character)
            lines = f"{self._text.partition(character)[0]}.".splitlines()
            said = f"has in column {len(lines[-1])} the character {character!a}, which YAML does not allow"
            self._refuse(len(lines), said)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            self._refuse(line, f"is no YAML: {error.problem or error.context}{self._where_else(error, line)}")
        if not isinstance(following, yaml.StreamEndEvent):
            self._refuse(following.start_mark.line + 1, "a second document begins; a file holds one")
        return self._document

    def _where_else(self, error: yaml.MarkedYAMLError, line: int) -> str:
        """Where to look beside the line in which YAML came to a halt, and what for."""
        lines = self._text.splitlines()
        said = lines[line - 1] if line <= len(lines) else ""
        if "\t" in said[: len(said) - len(said.lstrip())]:
            return "; indent with blanks, not with tabs"
        began = error.context_mark.line + 1 if error.context_mark else line
        if began < line and ("flow" in str(error.context) or "quoted" in str(error.context)):
            return f"; what was opened in line {began} is not closed"
        return "; look at the line before, too, and at how far both are indented" if line > 1 else ""

    def _value(self, event: Any, path: Path) -> Any:
        line = event.start_mark.line + 1
        self._document.lines.setdefault(path, line)
        if len(self._document.lines) > _MOST_VALUES:
            self._refuse(line, f"has more than {_MOST_VALUES:,} values; is it a config?")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(line, "aliases and anchors (* and &) are not taken; write the value out", path)
        if event.tag is not None:
            self._refuse(line, f"tags ({event.tag}) are not taken", path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= _DEEPEST:
            self._refuse(line, f"is nested more than {_DEEPEST} levels deep")
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _scalar(self, event: Any, path: Path) -> Any:
        text = self._encodable(event, path)
        if not event.implicit[0]:
            return text
        try:
            return scalar(text)
        except ValueError as error:
            self._refuse(event.start_mark.line + 1, str(error), path)

    def _encodable(self, event: Any, path: Path) -> str:
        text: str = event.value
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self._refuse(event.start_mark.line + 1, "has half a character (a surrogate)", path)
        return text

    def _list(self, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
                self._refuse(line, "a key has to be plain text", path)
            key = self._encodable(event, path)
            if len(key) > _LONGEST_KEY:
                self._refuse(line, f"has a key of {len(key)} characters; at most {_LONGEST_KEY} are taken", path)
            if key in values:
                self._refuse(line, "occurs twice", (*path, key))
            self._document.lines[*path, key] = line
            values[key] = self._value(next(self._events), (*path, key))
        return values

    def _refuse(self, line: int, text: str, path: Path = ()) -> NoReturn:
        self._document.lines = {path: line}
        raise self._document.error(Problems([Problem(path, text)])) from None


def _prefixes(path: Path) -> Iterator[Path]:
    """A path, and those of what it is in, the innermost first."""
    return (path[:length] for length in range(len(path), -1, -1))
