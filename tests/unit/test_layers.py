"""The house's layers: who may import whom, read from the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "limr": set(),
    "types": {"limr"},
    "seeding": {"limr"},
    "allocation": {"limr"},
    "files": {"limr"},
    "mistakes": {"limr"},
    "tables": {"limr"},
    "rl": {"limr", "types"},
    "verifier": {"limr", "types"},
    "trajectories": {"limr", "types", "files", "tables"},
    "selection": {"limr", "types", "seeding", "allocation", "trajectories"},
}
_ALL_BELOW = {*MAY_IMPORT}
MAY_IMPORT |= {
    "data": {*_ALL_BELOW},
    "models": {*_ALL_BELOW},
    "generation": {*_ALL_BELOW, "models"},
}
_ALL_BELOW = {*MAY_IMPORT}
MAY_IMPORT |= {layer: {*_ALL_BELOW} for layer in ("training", "tracking", "report")}
MAY_IMPORT |= {"planning": {*MAY_IMPORT} - {"tracking", "report"}}
MAY_IMPORT |= {"cli": {*MAY_IMPORT} - {"planning"}}
MAY_IMPORT |= {"browse": {"limr", "types", "tables", "trajectories", "selection"}}
MAY_IMPORT |= {"verbs": {*MAY_IMPORT}}
MAY_IMPORT |= {"__main__": {*MAY_IMPORT}}
MAY_IMPORT |= {"evaluators": {*MAY_IMPORT} - {"cli", "verbs", "__main__"}}

WITHOUT_TORCH = (
    "types", "seeding", "allocation", "files", "mistakes", "tables", "verifier", "trajectories",
    "selection", "report", "browse.server", "verbs.verify", "verbs.importing", "verbs.select",
    "verbs.compare", "verbs.browse",
)  # fmt: skip
"""Start in a moment and run in many worker processes."""


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source: str, known: set[str]) -> set[str]:
    """The modules among `known` that the source imports anywhere, type checks aside."""
    found = set()
    for node in executed_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & known or {node.module}
    return found & known


def executed_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from executed_nodes(child)


def layer(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "limr" and len(parts) > 1 else parts[0]


def read_graph(root: Path) -> dict[str, set[str]]:
    paths = [path for top in ("limr", "evaluators") for path in (root / top).rglob("*.py")]
    modules = {module_name(path, root): path.read_text(encoding="utf-8") for path in paths}
    return {name: imported_modules(text, {*modules}) for name, text in modules.items()}


def forbidden_edges(graph: dict[str, set[str]]) -> list[str]:
    return sorted(
        f"{module} imports {target}"
        for module, targets in graph.items()
        for target in targets
        if layer(module) != layer(target) and layer(target) not in MAY_IMPORT[layer(module)]
    )


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """One import cycle as a path that ends where it begins, or nothing."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for target in sorted(graph.get(module, ())):
            if cycle := visit(target, [*path, module]):
                return cycle
        done.add(module)
        return []

    return next((cycle for module in sorted(graph) if (cycle := visit(module, []))), [])


def test_every_layer_has_its_rule():
    assert {layer(module) for module in read_graph(ROOT)} <= {*MAY_IMPORT}


def test_no_forbidden_import():
    assert forbidden_edges(read_graph(ROOT)) == []


def test_no_import_cycle():
    assert find_cycle(read_graph(ROOT)) == []


@pytest.mark.parametrize(
    "module", [name for name in WITHOUT_TORCH if f"limr.{name}" in read_graph(ROOT)]
)
def test_light_modules_import_neither_torch_nor_lightning(module):
    code = f"import limr.{module}, sys; sys.exit(bool({{'torch', 'lightning'}} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_the_walk_sees_what_it_should(tmp_path):
    for folder in ("limr/rl", "limr/training", "evaluators"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "limr/__init__.py").touch()
    (tmp_path / "evaluators/__init__.py").write_text("import limr.types\n")
    (tmp_path / "limr/types.py").write_text("x = 1\n")
    (tmp_path / "limr/training/__init__.py").write_text("from limr.training.loop import y\n")
    (tmp_path / "limr/training/loop.py").write_text(
        "from limr import types\ndef f():\n    import evaluators\n"
    )
    (tmp_path / "limr/rl/gae.py").write_text(
        "from limr.training import loop\nif TYPE_CHECKING:\n    import evaluators\n"
    )
    graph = read_graph(tmp_path)
    assert graph["limr.training.loop"] == {"limr.types", "evaluators"}
    assert forbidden_edges(graph) == [
        "limr.rl.gae imports limr.training.loop",
        "limr.training.loop imports evaluators",
    ]
    assert find_cycle(graph) == []
    graph["limr.types"].add("limr.training")
    assert find_cycle(graph)[0] == find_cycle(graph)[-1]
    assert len(find_cycle(graph)) >= 3
