"""Which module may import which, and what a run imports at all: start-up time is what a command line is judged by."""

import ast
import gzip
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import losscli
from tests import support
from tests.support import put

PACKAGE = Path(losscli.__file__).parent
LAYERS = [
    *(
        "version",
        "errors",
        "escape",
        "lazy",
        "literals",
        "exact",
        "parameters",
        "kinds",
        "registry",
        "plugins",
        "losses",
        "states",
    ),
    *(
        "objectives",
        "derivatives",
        "formats",
        "selection",
        "keys",
        "pairing",
        "align",
        "columns",
        "classweights",
        "meaning",
        "labels",
        "normalizing",
        "sequences",
        "tables",
        "doctor",
        "distribution",
        "results",
        "samples",
        "cards",
        "topics",
    ),
    *(
        "numbering",
        "ranks",
        "weak",
        "floors",
        "holding",
        "scan",
        "slices",
        "output",
        "writers",
        "tensors",
        "penalties",
        "finals",
        "requests",
        "maps",
        "opening",
        "passes",
        "reporting",
        "engine",
        "heads",
        "descent",
        "fingerprints",
        "gates",
        "baselines",
        "systems",
        "configuration",
        "gradcheck",
        "inspection",
        "render",
        "cli",
    ),
]
WITHIN = {  # the modules of a layer that is large enough to have layers of its own
    "gradcheck": [
        *("findings", "numeric", "laws", "data", "factors", "case", "orders", "variants", "causes", "comparison"),
        "__init__",
    ],
    "doctor": ["facts", "findings", "scales", "sums", "__init__"],
    "inspection": [
        *("findings", "names", "cells", "tallies", "passes", "looks", "alignment", "plans", "operands", "readings"),
        *("commands", "__init__"),
    ],
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or not path.stem.startswith("__"))


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """What a module imports, anywhere in it: `losscli.lazy.np`, `rich.table.Table`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_its_layer() -> None:
    assert {layer(path) for path in MODULES} == set(LAYERS)


every_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(PACKAGE).with_suffix("").as_posix()
)


@every_module
def test_a_module_imports_only_from_layers_above(path: Path) -> None:
    layers = {name.split(".")[1] for name in imported(path) if name.startswith("losscli.")} - {layer(path)}
    own = LAYERS.index(layer(path))
    assert not {name for name in layers if LAYERS.index(name) >= own}


@pytest.mark.parametrize("name", WITHIN)
def test_a_package_has_layers_too(name: str) -> None:
    """Found by module, not by attribute: `losscli.gradcheck.case.Case` is of the layer `case`."""
    layers, paths = WITHIN[name], sorted((PACKAGE / name).glob("*.py"))
    assert {path.stem for path in paths} == set(layers)
    for path in paths:
        inner = {found.split(".")[2] for found in imported(path) if found.startswith(f"losscli.{name}.")}
        assert {layer for layer in inner if layers.index(layer) >= layers.index(path.stem)} == set(), path


PARSERS = {"csv", "pyarrow", "pandas", "losscli.lazy.pa", "losscli.lazy.pacsv", "losscli.lazy.pq"}


@every_module
def test_only_the_readers_parse_files(path: Path) -> None:
    """Writers write what readers read."""
    if layer(path) not in ("formats", "lazy", "writers") and path.stem != "sheets":
        assert not {name for name in imported(path) if name in PARSERS or name.split(".")[0] in PARSERS}


# What a run imports

REPORTER = (
    "import atexit, sys\n"
    "atexit.register(lambda: open('modules.txt', 'w').write('\\n'.join(sys.modules)))\n"
    "sys.argv[0] = 'losscli'\n"
    "from losscli.cli import main\n"
    "main()\n"
)
HEAVY = {"numpy", "pandas", "pyarrow", "scipy"}
FILES = {
    "p.csv": "y_pred\n1\n2\n",
    "t.csv": "y\n1\n4\n",
    "p.npy": [1.0, 2.0],
    "w.npy": [1.0, 2.0],
    "one.npy": [1.0],
    "t.npy": [1.0, 4.0],
    "both.parquet": {"y_pred": [1.0, 2.0], "y": [1.0, 4.0]},
    "text.parquet": {"y_pred": [1.0, 2.0], "y": [1.0, 4.0], "g": ["a", "b"]},
    "long.csv": "a,y\n" + "1.5,2.5\n" * 10_000,
    "both.jsonl": '{"y_pred": 1, "y": 1}\n{"y_pred": 2.5, "y": 4}\n',
    "both.csv.gz": gzip.compress(b"y_pred,y\n1,1\n2,4\n"),
    "p.safetensors": (66).to_bytes(8, "little")
    + b'{"y_pred": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
    + bytes(8),
    "classes.csv": "p_a,p_b,label\n0.75,0.25,a\n0.5,0.5,b\n",
}
EVAL = ["eval", "--loss", "mse"]
FOR_FILES = {"tempfile", "zipfile", "concurrent.futures"}  # what reading much and writing files needs
NEW = {f"losscli.formats.{name}" for name in ("arrow", "compressed", "jsonl", "jsontext", "safetensors")}
UNWANTED: dict[str, tuple[list[str], set[str]]] = {
    "version": (
        ["--version"],
        HEAVY | {"typer", "click", "rich", "typing", "dataclasses", "inspect", "losscli.registry"},
    ),
    "help": (["--help"], HEAVY | {"rich"}),
    "help of eval": (["eval", "--help"], HEAVY | {"rich"}),
    "help of a loss": (["eval", "--loss", "huber", "--help"], HEAVY | {"rich"}),
    "list": (["list"], HEAVY | {"rich"}),
    "list as json": (["list", "--format", "json"], HEAVY | {"rich"}),
    "explain": (["explain", "huber"], HEAVY | {"rich"}),
    "help of inspect": (["inspect", "--help"], HEAVY | {"rich"}),
    "help of step": (["step", "--help"], HEAVY | {"rich", "losscli.engine", "losscli.penalties"}),
    "step": (
        ["step", "--features", "p.npy", "--parameters", "one.npy", "-l", "mse", "--rate", "1", "t.npy"],
        {"rich", "pandas", "scipy", "pyarrow"},
    ),
    "inspect": (["inspect", "p.csv", "t.csv"], {"rich", "pandas", "scipy", "pyarrow", *FOR_FILES}),
    "a usage error": (["eval", "--loss", "hubr", "p.csv", "t.csv"], HEAVY | {"rich"}),
    "csv": ([*EVAL, "p.csv", "t.csv"], {"rich", "pandas", "scipy", "pyarrow", "json", "tomllib", *NEW, *FOR_FILES}),
    "csv as json": ([*EVAL, "p.csv", "t.csv", "--json"], {"rich", "pandas", "scipy", "pyarrow", *FOR_FILES}),
    "arrow": ([*EVAL, "both.feather"], {"rich", "pandas", "scipy", "pyarrow.compute", "pyarrow.parquet"}),
    "jsonl": ([*EVAL, "both.jsonl"], {"rich", "pandas", "scipy", "pyarrow", *FOR_FILES}),
    "compressed csv": ([*EVAL, "both.csv.gz"], {"rich", "pandas", "scipy", "pyarrow", "json", *FOR_FILES}),
    "safetensors": ([*EVAL, "p.safetensors", "t.npy"], {"rich", "pandas", "scipy", "pyarrow", *FOR_FILES}),
    "csv of labels": (["eval", "--loss", "cross_entropy", "classes.csv"], {"rich", "pandas", "scipy", "pyarrow"}),
    "long csv": ([*EVAL, "long.csv", "long.csv", "--pred-col", "a"], {"rich", "pandas", "scipy", "pyarrow.parquet"}),
    "parquet": ([*EVAL, "both.parquet"], {"rich", "pandas", "scipy"}),
    "groups": ([*EVAL, "text.parquet", "--by", "g"], {"rich", "pandas", "scipy", "pyarrow.compute"}),
    "npy": ([*EVAL, "p.npy", "t.npy"], {"rich", "pandas", "scipy", "pyarrow", "losscli.penalties", "losscli.tensors"}),
    "parts": (
        [*EVAL, "p.csv", "t.csv", "--input", "pred=p.csv", "--input", "target=t.csv"],
        {*HEAVY, *FOR_FILES} - {"numpy"},
    ),
    "a penalty": (
        [*EVAL, "p.npy", "t.npy", "--penalty", "l2:strength=1", "--parameters", "w.npy"],
        {"rich", "pandas", "scipy", "pyarrow", "losscli.writers"},
    ),
    "a gate": ([*EVAL, "p.npy", "t.npy", "--min", "1"], {"rich", "pandas", "scipy", "pyarrow"}),
}


def modules_of(folder: Path, args: list[str], env: dict[str, str] | None = None) -> set[str]:
    """The modules that a run has imported by its end, with its output in a pipe."""
    subprocess.run(
        [sys.executable, "-c", REPORTER, *args],
        cwd=folder,
        env=support.environment(env),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return set((folder / "modules.txt").read_text().splitlines())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("imports")
    put(made, FILES)
    table = pa.table({"y_pred": [1.0, 2.0], "y": [1.0, 4.0]})
    with pa.ipc.new_file(made / "both.feather", table.schema) as writer:
        writer.write_table(table)
    return made


@pytest.fixture(scope="module")
def at_startup(folder: Path) -> set[str]:
    """What Python imports on its own, before any of our code."""
    code = "import sys; open('modules.txt', 'w').write('\\n'.join(sys.modules))"
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=support.environment(), check=True, timeout=60)
    return set((folder / "modules.txt").read_text().splitlines())


@pytest.mark.parametrize("name", UNWANTED)
def test_a_run_imports_no_more_than_it_needs(name: str, folder: Path, at_startup: set[str]) -> None:
    args, unwanted = UNWANTED[name]
    modules = modules_of(folder, args)
    assert "losscli.cli" in modules
    assert not (modules - at_startup) & unwanted


def test_completion_imports_no_more_than_it_needs(folder: Path, at_startup: set[str]) -> None:
    words = {"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": "losscli eval --loss hu", "COMP_CWORD": "3"}
    modules = modules_of(folder, [], words)
    assert "losscli.registry" in modules
    assert not (modules - at_startup) & HEAVY


def test_importing_losscli_imports_nothing_heavy(folder: Path, at_startup: set[str]) -> None:
    code = "import losscli, sys; open('modules.txt', 'w').write('\\n'.join(sys.modules))"
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=support.environment(), check=True, timeout=60)
    modules = set((folder / "modules.txt").read_text().splitlines())
    assert not (modules - at_startup) & (HEAVY | {"typer", "rich", "typing"})
