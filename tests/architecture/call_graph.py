"""Who calls whom in the service, read from its source: enough to ask whether what writes reaches the log.

Names are followed through imports, modules and methods of classes that a module names. Where a call cannot be
followed it leads nowhere, so that a missing leaf is rather reported than overlooked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROW_CALLS = frozenset({"add", "add_all", "delete", "merge"})
ROW_STATEMENTS = frozenset({"insert", "update", "delete"})


@dataclass
class Function:
    """One function or method, with what it names and whether it changes rows itself."""

    name: str
    module: str
    parameters: tuple[str, ...]
    decorators: tuple[str, ...]
    writes: bool
    opens_writing: bool
    calls: set[str] = field(default_factory=set)

    @property
    def short(self) -> str:
        return self.name.rsplit(":", 1)[1]


@dataclass
class Module:
    """One module: what its names stand for, and its classes."""

    name: str
    tree: ast.Module
    names: dict[str, str] = field(default_factory=dict)


class CallGraph:
    """Every function of some packages below a folder."""

    def __init__(self, root: Path, packages: Iterable[str]) -> None:
        self._modules = {module.name: module for module in _modules(root, packages)}
        self.functions: dict[str, Function] = {}
        self._methods: dict[str, dict[str, str]] = {}
        for module in self._modules.values():
            module.names = self._read_names(module)
            self._collect(module)
        for module in self._modules.values():
            self._connect(module)

    def reaches(self, start: str, goals: Iterable[str]) -> bool:
        """Tell whether one of the goals is called from `start`, along any chain."""
        wanted = set(goals)
        return any(name in wanted for name in self.below(start))

    def below(self, start: str) -> set[str]:
        """Every function that is called from `start`, itself included."""
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in seen and name in self.functions:
                seen.add(name)
                waiting.extend(self.functions[name].calls)
        return seen

    def writes(self, start: str) -> bool:
        """Tell whether rows are changed by `start` or anything that it calls."""
        return any(self.functions[name].writes for name in self.below(start))

    def opens_writing(self, start: str) -> bool:
        """Tell whether a writing transaction is opened by `start` or anything that it calls."""
        return any(self.functions[name].opens_writing for name in self.below(start))

    def _read_names(self, module: Module) -> dict[str, str]:
        names: dict[str, str] = {}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for one in node.names:
                    inner = f"{node.module}.{one.name}"
                    names[one.asname or one.name] = inner if inner in self._modules else f"{node.module}:{one.name}"
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names[node.name] = f"{module.name}:{node.name}"
        return names

    def _collect(self, module: Module) -> None:
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef):
                self._add(module, node, f"{module.name}:{node.name}")
            elif isinstance(node, ast.ClassDef):
                inner = [one for one in node.body if isinstance(one, ast.FunctionDef)]
                self._methods[f"{module.name}:{node.name}"] = {
                    one.name: f"{module.name}:{node.name}.{one.name}" for one in inner
                }
                for one in inner:
                    self._add(module, one, f"{module.name}:{node.name}.{one.name}")

    def _add(self, module: Module, node: ast.FunctionDef, name: str) -> None:
        arguments = node.args
        self.functions[name] = Function(
            name=name,
            module=module.name,
            parameters=tuple(one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)),
            decorators=tuple(ast.unparse(one) for one in node.decorator_list),
            writes=any(_is_write(one) for one in ast.walk(node)),
            opens_writing=any(isinstance(one, ast.Attribute) and one.attr == "writing" for one in ast.walk(node)),
        )

    def _connect(self, module: Module) -> None:
        """Add what each function of a module names."""
        known = {target for target in module.names.values() if target in self._methods}
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef):
                self._link(module, node, f"{module.name}:{node.name}", known)
            elif isinstance(node, ast.ClassDef):
                for one in node.body:
                    if isinstance(one, ast.FunctionDef):
                        self._link(module, one, f"{module.name}:{node.name}.{one.name}", known)

    def _link(self, module: Module, node: ast.FunctionDef, name: str, classes: set[str]) -> None:
        calls = self.functions[name].calls
        for one in ast.walk(node):
            if isinstance(one, ast.Name):
                calls.add(module.names.get(one.id, ""))
            elif isinstance(one, ast.Attribute):
                owner = module.names.get(one.value.id, "") if isinstance(one.value, ast.Name) else ""
                if owner in self._modules:
                    calls.add(self._modules[owner].names.get(one.attr, ""))
                else:
                    calls.update(self._methods[each][one.attr] for each in classes if one.attr in self._methods[each])


def _modules(root: Path, packages: Iterable[str]) -> Iterator[Module]:
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield Module(name, ast.parse(path.read_text(encoding="utf-8")))


def _is_write(node: ast.AST) -> bool:
    """Tell whether a node changes rows: a session's add or delete, a statement that does, or a row's field."""
    if isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Attribute):
            return called.attr in ROW_CALLS and ast.unparse(called.value) == "session"
        return isinstance(called, ast.Name) and called.id in ROW_STATEMENTS
    if isinstance(node, ast.Assign):
        targets = [each for one in node.targets for each in (one.elts if isinstance(one, ast.Tuple) else [one])]
        return any(_is_field_of_a_row(one) for one in targets)
    return isinstance(node, ast.AugAssign) and _is_field_of_a_row(node.target)


def _is_field_of_a_row(target: ast.AST) -> bool:
    if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
        return False
    return target.value.id != "self" and target.attr != "max_content_length"


def by_module(functions: Mapping[str, Function], prefix: str) -> list[Function]:
    """List the functions of modules below a prefix."""
    return [one for one in functions.values() if (one.module + ".").startswith(prefix + ".")]
