"""Whether experiments can be recorded in a directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from retiarii.cli.finding import Finding

_LEAST_SQLITE = (3, 37)
_LEAST_FREE = 2**30
_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "beegfs", "gpfs", "gluster", "fuse.sshfs", "fuse.s3")
_ELSEWHERE = "choose a folder on a local disk by --directory"


def storage(directory: Path) -> Iterator[Finding]:
    """SQLite, the file system and its room, where experiments lie or will lie."""
    import sqlite3  # noqa: PLC0415  a Python can be built without

    is_new = sqlite3.sqlite_version_info >= _LEAST_SQLITE
    remedy = "" if is_new else f"use a Python with SQLite {'.'.join(map(str, _LEAST_SQLITE))} or later"
    yield Finding("storage", "SQLite", sqlite3.sqlite_version, "ok" if is_new else "broken", remedy)
    folder = _existing(directory.absolute())
    yield _journal(folder)
    kind = _file_system(folder)
    is_remote = kind.startswith(_NETWORK)
    said = f"{kind or 'unknown'}, at {folder}"
    remedy = f"run an experiment from one machine only, or {_ELSEWHERE}" if is_remote else ""
    yield Finding("storage", "file system", said, "warning" if is_remote else "ok", remedy)
    free = shutil.disk_usage(folder).free
    is_tight = free < _LEAST_FREE
    yield Finding(
        "storage",
        "room",
        f"{free / _LEAST_FREE:.1f} GiB are free",
        "warning" if is_tight else "ok",
        "make room: what a search can't record stops it" if is_tight else "",
    )


def _existing(path: Path) -> Path:
    """The folder itself, or the innermost one above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _journal(folder: Path) -> Finding:
    """Tries whether a record with a write-ahead log works in a folder."""
    import sqlite3  # noqa: PLC0415

    try:
        with tempfile.TemporaryDirectory(prefix=".retiarii-doctor-", dir=folder) as trial:
            mode = _tried(Path(trial) / "experiment.sqlite")
    except (OSError, sqlite3.Error) as error:
        said = f"can't be written in {folder}: {error}"
        return Finding("storage", "records", said, "broken", f"make it writable, or {_ELSEWHERE}")
    if mode != "wal":
        said = f"SQLite can't keep a write-ahead log in {folder} (its journal stays {mode})"
        return Finding("storage", "records", said, "broken", _ELSEWHERE)
    return Finding("storage", "records", f"can be written and read in {folder}")


def _tried(path: Path) -> str:
    """The journal mode that a file gets; it is written by one connection and read by another."""
    import sqlite3  # noqa: PLC0415

    file, other = sqlite3.connect(path), sqlite3.connect(path)
    try:
        (mode,) = file.execute("pragma journal_mode = wal").fetchone()
        file.execute("create table trial (number integer) strict")
        file.execute("insert into trial select value from json_each('[1]')")
        file.commit()
        (count,) = other.execute("select count(*) from trial").fetchone()
    finally:
        other.close()
        file.close()
    return str(mode) if count == 1 else "unreadable"


def _file_system(folder: Path) -> str:
    """Its kind, such as ext4; empty if that can't be found out."""
    try:
        import psutil  # noqa: PLC0415  missing, it is a finding of its own
    except ImportError:
        return ""
    mounts = {Path(each.mountpoint): str(each.fstype) for each in psutil.disk_partitions(all=True)}
    return next((mounts[parent] for parent in (folder, *folder.parents) if parent in mounts), "")
