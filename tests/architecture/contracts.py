"""The kinds of contract that `.importlinter` is written in.

They speak of what a part *may* import, so that a new module is under the rule from its first line, and they hold for
parts that do not exist yet.
"""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

STANDARD_LIBRARY = sys.stdlib_module_names


class MayImport(Contract):
    """The modules under `importers` import, of our own, only what is under `ours`, themselves always included.

    With `standard_library_only`, nothing that is installed either.
    """

    type_name = "may_import"

    importers = fields.ListField(subfield=fields.StringField())
    ours = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    standard_library_only = fields.BooleanField(required=False, default=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        roots = self.session_options["root_packages"]
        allowed = [*self.importers, *self.ours]
        breaches = []
        for importer, imported in _direct_imports(graph, self.importers):
            if imported in roots:
                permitted = True  # the bare package, which imports nothing (tested)
            elif _is_under(imported, roots):
                permitted = _is_under(imported, allowed)
            else:
                permitted = not self.standard_library_only or imported.partition(".")[0] in STANDARD_LIBRARY
            if not permitted:
                breaches.append((importer, imported))
        return _result(breaches)

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


class OnlyIn(Contract):
    """The installed packages in `packages` are imported by modules under `modules` alone."""

    type_name = "only_in"

    packages = fields.ListField(subfield=fields.StringField())
    modules = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        return _result(
            [
                (importer, imported)
                for importer, imported in _direct_imports(graph, self.session_options["root_packages"])
                if _is_under(imported, self.packages) and not _is_under(importer, self.modules)
            ]
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


class NeverReaches(Contract):
    """No chain of imports, however long, leads from a module under `sources` to one under `targets`."""

    type_name = "never_reaches"

    sources = fields.ListField(subfield=fields.StringField())
    targets = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        chains = []
        for source in sorted(_modules_under(graph, self.sources)):
            for target in sorted(_modules_under(graph, self.targets)):
                chain = graph.find_shortest_chain(importer=source, imported=target)
                if chain:
                    chains.append(chain)
        return _result(chains)

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


def _is_under(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _modules_under(graph: ImportGraph, packages: list[str]) -> set[str]:
    return {module for module in graph.modules if _is_under(module, packages)}


def _direct_imports(graph: ImportGraph, packages: list[str]) -> list[tuple[str, str]]:
    return sorted(
        (importer, imported)
        for importer in _modules_under(graph, packages)
        for imported in graph.find_modules_directly_imported_by(importer)
    )


def _result(chains: list[tuple[str, ...]]) -> ContractCheck:
    return ContractCheck(kept=not chains, metadata={"chains": chains})


def _render(check: ContractCheck) -> None:
    for chain in check.metadata["chains"]:
        output.print_error("- " + " -> ".join(chain), bold=False)
