"""Reading YAML: what words mean, what is refused, and where it is said to be."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retiarii.cli.config.document import parsed, read
from retiarii.cli.config.problems import ConfigError
from retiarii.cli.config.scalars import dumped, scalar

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=10,
)

REFUSED = {
    "an alias": ("a: &x 1\nb: *x", ":1: a: aliases and anchors (* and &) are not taken"),
    "an alias of a mapping": ("a: 1\nb: &x {c: 1}", ":2: b: aliases and anchors"),
    "an anchor of a key": ("a: 1\n&x b: 1", ":2: a key has to be plain text"),
    "a tag": ("a:\n  b: !!python/object/apply:os.system [ls]", ":2: a.b: tags (tag:yaml.org,2002:python/object"),
    "a key that is a list": ("a: 1\n[b]: 1", ":2: a key has to be plain text"),
    "a key that occurs twice": ("a:\n  b: 1\n  c: 2\n  b: 3", ":4: a.b: occurs twice"),
    "a key without end": ("k" * 501 + ": 1", ":1: has a key of 501 characters; at most 500 are taken"),
    "a tab": (
        "a:\n\tb: 1",
        ":2: is no YAML: found character that cannot start any token; indent with blanks, not with tabs",
    ),
    "an open bracket": (
        "a: [1, 2\nb: 3",
        ":2: is no YAML: did not find expected ',' or ']'; what was opened in line 1 is not closed",
    ),
    "an open quote": (
        "a: 1\nb: 'x\nc: 1\n\n",
        ":5: is no YAML: found unexpected end of stream; what was opened in line 2 is not closed",
    ),
    "too far to the right": (
        "a:\n  b: 1\n   c: 2",
        ":3: is no YAML: mapping values are not allowed in this context; look at the line before, too",
    ),
    "too far to the left": (
        "a:\n    b: 1\n  c: 2",
        ":3: is no YAML: did not find expected key; look at the line before, too, and at how far both are indented",
    ),
    "a second document": ("a: 1\n---\nb: 1", ":2: a second document begins; a file holds one"),
    "nothing": ("# only a remark\n", ":1: is empty"),
    "a character that does nothing": (
        "a: ü\nb:\n  - 'ü\x07'",
        ":3: has in column 7 the character '\\x07', which YAML does not allow",
    ),
    "a character that is none": (
        "a: 1\r\n\x00b",
        ":2: has in column 1 the character '\\x00', which YAML does not allow",
    ),
    "half a character": ('a: "\\ud800"', ":1: is no YAML: found invalid Unicode character escape code"),
    "many digits": ("a: 1\nb: " + "9" * 5000, ":2: b: a number of 5000 characters; at most 1000 are taken"),
    "51 levels": ("a: " + "[" * 51, ":1: is nested more than 50 levels deep"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_config_does_not_need_is_refused_with_its_line(text, message):
    with pytest.raises(ConfigError) as error:
        parsed(text, "config.yaml")
    assert str(error.value).startswith(f"config.yaml{message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
        ),
        "[" * 20_000,
        "{a: " * 20_000,
        "- " * 20_000,
        "a: !!python/object/apply:time.sleep [10]",
        "a: " + "9" * 900_000,
        "a: " + "x" * 1_000_000,
        "".join([f"{'k' * 400}{number}: 1\n" for number in range(2_400)]) + "x: *y",
        "a: [" + "1," * 400_000,
    ],
    ids=["aliases", "brackets", "braces", "dashes", "a call", "digits", "a megabyte", "keys", "values"],
)
def test_bombs_are_refused_at_once(text, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    begin = time.process_time()
    with pytest.raises(ConfigError):
        read(file)
    assert time.process_time() - begin < 2  # a tenth of that where nothing else runs; a bomb takes minutes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: \xff", ":2: is no UTF-8 text; save it as such"),
        (b"a: " + b"x" * 1_000_000, ": has more than 1,000,000 bytes; is it a config?"),
    ],
)
def test_files_that_are_no_text_are_refused(content, message, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read(file)
    assert str(error.value) == f"{file}{message}"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="can't be read: No such file or directory"):
        read(tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("-1", -1),
        ("007", 7),
        ("no", False),
        ("On", True),
        ("~", None),
        ("", None),
        ("-.inf", -math.inf),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("١٢", "١٢"),
        ("nan", "nan"),
    ],
)
def test_words(word, value):
    assert scalar(word) == value
    assert type(scalar(word)) is type(value)


def test_quotes_make_text_and_keys_are_text():
    assert parsed("1: '1e-3'\nno: \"no\"\nnull: ''", "config.yaml").value == {"1": "1e-3", "no": "no", "null": ""}


def test_the_byte_order_mark_of_an_editor_is_passed_over(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read(file).value == {"a": 1}


@given(st.dictionaries(st.text(max_size=20), JSON, max_size=5))
def test_what_is_written_is_read_as_the_same(value):
    assert parsed(dumped(value), "config.yaml").value == value


def test_each_value_knows_its_line():
    document = parsed("a: 1\nb:\n  - x\n  - c: 2\n    d: 3\n", "config.yaml")
    assert document.lines[("b",)] == 2
    assert document.lines[("b", 0)] == 3
    assert document.lines[("b", 1, "d")] == 5
