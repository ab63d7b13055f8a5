"""Python's operators: the functions of the module `operator` behind them, their symbols, and how strongly they bind."""

from __future__ import annotations

from collections.abc import Mapping

ATOM = 99
NUMBER = 80
POWER = 70
SIGN = 60
COMPARISON = 20
NEGATION = 10
TERNARY = 1
INFIX: Mapping[str, tuple[str, int]] = {
    f"operator.{name}": (symbol, strength)
    for strength, names in {
        COMPARISON: {
            "lt": "<",
            "le": "<=",
            "gt": ">",
            "ge": ">=",
            "eq": "==",
            "ne": "!=",
            "is_": "is",
            "is_not": "is not",
        },
        30: {"or_": "|"},
        31: {"xor": "^"},
        32: {"and_": "&"},
        33: {"lshift": "<<", "rshift": ">>"},
        40: {"add": "+", "sub": "-"},
        50: {"mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "matmul": "@"},
        POWER: {"pow": "**"},
    }.items()
    for name, symbol in names.items()
}
PREFIX = {"operator.neg": "-", "operator.invert": "~", "operator.inv": "~", "operator.pos": "+"}
IN_PLACE: Mapping[str, str] = {
    **{"operator.iadd": "+=", "operator.isub": "-=", "operator.imul": "*=", "operator.itruediv": "/="},
    **{"operator.ifloordiv": "//=", "operator.imod": "%=", "operator.ipow": "**=", "operator.imatmul": "@="},
    **{"operator.iand": "&=", "operator.ior": "|=", "operator.ixor": "^="},
    **{"operator.ilshift": "<<=", "operator.irshift": ">>="},
}
