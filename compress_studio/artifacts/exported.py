"""Whether the description of an exported PyTorch program is only a network.

Loading one evaluates the sizes as Python expressions, looks up operators by name, imports the types of nested inputs
and writes the names of tensors and arguments into Python code that it runs. What is let through here is only what
describes arithmetic on tensors.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

ARITHMETIC = (
    "add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs|eq|ne|lt|le|gt|ge|and_|or_|xor|not_|invert|lshift|rshift|getitem"
)
BRANCHES = "cond|while_loop|map_impl|scan|associative_scan|wrap_with_set_grad_enabled|wrap_with_autocast"
OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed)\.(?!save\b|from_file\b|load\b)\w+(\.\w+)?"
    rf"|torch\.ops\.higher_order\.({BRANCHES})"
    rf"|_operator\.({ARITHMETIC})|torch\._?sym_\w+|math\.\w+"
)
FUNCTIONS = re.compile(
    "Symbol|Integer|Float|Rational|Add|Mul|Pow|Mod|Max|Min|Abs|And|Or|Not|Piecewise|floor|ceiling|Tuple|Identity"
    "|Eq|Ne|Lt|Le|Gt|Ge|Equality|Unequality|(Strict)?(LessThan|GreaterThan)"
    "|FloorDiv|CleanDiv|CeilDiv|ModularIndexing|PythonMod|Where|IntTrueDiv|FloatTrueDiv|PowByNatural|FloatPow"
    "|(Trunc|Floor|Ceil|Round)ToInt|ToFloat|BitwiseFn_bitwise_(and|or|xor)|OpaqueUnaryFn_[a-z0-9]+"
)
"""What may be called in an expression for a size."""
EXPRESSION = (
    ast.Expression,
    ast.Call,
    ast.keyword,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.BoolOp,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
    ast.Tuple,
)
LONGEST_EXPRESSION = 20_000
NESTING = frozenset({None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"})
"""How inputs and outputs may lie in each other."""


def problem_of(model: Any) -> str:
    """What in the description of an exported program is more than a network, as words; empty when nothing is."""
    for key, value in _entries(model):
        if key == "expr_str" and not is_plain_expression(value):
            return "the size of a tensor is not a plain expression"
        if key in {"target", "as_operator"} and not (isinstance(value, str) and OPERATOR.fullmatch(value)):
            return f"it calls {str(value)[:80]}, which is no operator of a network"
        if key in {"in_spec", "out_spec"} and not _is_plain_nesting(value):
            return "its inputs or outputs are of Python types that would have to be imported"
        if (key.endswith(("name", "names")) or key == "fqn") and not is_plain_name(value):
            return f"a name in it, {str(value)[:40]!r}, is none"
        if key in {"as_custom_obj", "custom_obj"} and value:
            return "it holds an object that is no tensor"
    return ""


def is_plain_name(value: Any) -> bool:
    """Whether a text, or each of a list, is letters, digits, underscores and dots only; other values hold no name."""
    if isinstance(value, list):
        return all(map(is_plain_name, cast("list[Any]", value)))
    return not isinstance(value, str) or re.fullmatch(r"[\w.]*", value) is not None


def is_plain_expression(text: Any) -> bool:
    """Whether a text is arithmetic on symbols and numbers, and nothing else."""
    if not isinstance(text, str) or len(text) > LONGEST_EXPRESSION:
        return False
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if not isinstance(node, EXPRESSION):
            return False
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and FUNCTIONS.fullmatch(node.func.id)):
            return False
        if isinstance(node, ast.Name) and "__" in node.id:
            return False
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not re.fullmatch(r"\w+", node.value):
            return False
    return True


def _is_plain_nesting(text: Any) -> bool:
    if not text:
        return True
    try:
        spec: Any = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return False
    return isinstance(spec, list) and len(cast("list[Any]", spec)) == 2 and _is_plain_tree(spec[1])


def _is_plain_tree(tree: Any) -> bool:
    if not isinstance(tree, dict):
        return False
    one = cast("dict[str, Any]", tree)
    context = json.loads(one["context"]) if isinstance(one.get("context"), str) else one.get("context")
    keys = cast("list[Any]", context) if isinstance(context, list) else [context]
    plain = all(key is None or isinstance(key, str | int) for key in keys)
    return plain and one.get("type") in NESTING and all(map(_is_plain_tree, one.get("children_spec", ())))


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            for key, inner in cast("Mapping[str, Any]", one).items():
                yield key, inner
                waiting.append(inner)
        elif isinstance(one, list):
            waiting.extend(cast("list[Any]", one))
