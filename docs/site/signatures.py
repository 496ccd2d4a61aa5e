"""Types for the documentation of the Rust half: the stub has them, the compiled module hasn't."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

STUB: Final = Path(__file__).parents[2] / "python" / "webhook_stream" / "_core.pyi"


class _Short(ast.NodeTransformer):
    """Leaves a module's name out before a type: `_core.Template` is `Template` to a user."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.copy_location(ast.Name(node.attr), node)


def _signature(function: ast.FunctionDef) -> tuple[str, str]:
    """Return the arguments and the type of what is returned, as they are written in the stub."""
    names = {ast.unparse(decorator) for decorator in function.decorator_list}
    arguments = function.args
    if "staticmethod" not in names:
        first = arguments.posonlyargs or arguments.args
        del first[0]
    # A `/` behind `self` alone says nothing.
    text = ast.unparse(_Short().visit(arguments))
    returned = ast.unparse(_Short().visit(function.returns)) if function.returns else "None"
    return f"({text})", returned


def _is_property(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) == "property" for decorator in function.decorator_list)


def signatures() -> dict[str, tuple[str, str]]:
    """Return the signatures of the stub's functions, classes and methods by their dotted names."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.parse(STUB.read_text("utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and not _is_property(item):
                name = node.name if item.name == "__new__" else f"{node.name}.{item.name}"
                arguments, returned = _signature(item)
                found[name] = (arguments, "" if item.name == "__new__" else returned)
    return found
