"""The tables of a record, and how those of every earlier version become them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from retiarii.errors import ExperimentError

_FIRST = (
    """create table experiment (
        one integer primary key check (one = 1),
        created real not null,
        plan text not null,
        runner text not null
    ) strict""",
    """create table trial (
        number integer primary key,
        state text not null
            check (state in ('waiting', 'running', 'completed', 'failed', 'stopped', 'interrupted')),
        sample text not null,
        metrics text not null,
        intermediates text not null,
        error text,
        seed integer not null,
        started real,
        ended real,
        duration real,
        host text,
        ending integer unique
    ) strict""",
    "pragma user_version = 1",
)
_SECOND = (
    "alter table trial add column files text not null default '{}'",
    "create table epoch (number integer primary key, weights text not null) strict",
    "pragma user_version = 2",
)
_THIRD = (
    "alter table trial add column interruptions integer not null default 0",
    "alter table trial add column metric real",
    "alter table trial add column checksum integer",
    "alter table experiment add column checksum integer",
    "update trial set metric = (select value from json_each(trial.metrics) limit 1) where state = 'completed'",
    "create index completed on trial (metric) where state = 'completed'",
    "create index states on trial (state)",
    """create table run (
        number integer primary key,
        started real not null,
        seen real,
        ended real,
        ending text,
        pid integer,
        host text,
        settings text not null
    ) strict""",
    "insert into run select 1, created, (select max(ended) from trial), null, null, null, null, '{}' from experiment",
    "alter table experiment drop column runner",
    "pragma user_version = 3",
)
_FOURTH = ("pragma user_version = 4",)  # plans may have marks of the models and constraints, which others can't read
_STEPS = (_FIRST, _SECOND, _THIRD, _FOURTH)
"""What makes each version of the schema from the one before it; never changed, only added to."""

VERSION = len(_STEPS)

_COLUMNS = """select tables.name, columns.name from sqlite_master as tables, pragma_table_info(tables.name) as columns
    where tables.type = 'table'"""
_ALWAYS = {("experiment", "plan"), *[("trial", name) for name in ("number", "state", "sample", "metrics", "ending")]}


def version(file: sqlite3.Connection, path: Path) -> int:
    """Of the schema in a file; 0 where there is none yet.

    Raises:
        ValueError: the file is something else.
        ExperimentError: a newer library made it.
    """
    found: int
    file.execute("begin")  # another process may be making the tables: both answers are to be of one moment
    try:
        (found,) = file.execute("pragma user_version").fetchone()
        columns = {(table, column) for table, column in file.execute(_COLUMNS)}
    finally:
        file.execute("rollback")
    if not (columns >= _ALWAYS if found else not columns):
        raise ValueError("it has other tables")
    if found > VERSION:
        raise ExperimentError(
            f"{path} was written by a newer version of retiarii (format {found}, known here up to {VERSION}); update"
        )
    return found


def steps(since: int) -> Iterable[str]:
    """The statements that bring a file of a version up to date."""
    return chain(*_STEPS[since:])
