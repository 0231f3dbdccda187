"""Losses from elsewhere: packages by their entry point, files by --plugin; and those that are broken."""

import json
import tomllib
from pathlib import Path

import pytest

from tests import support
from tests.support import Ran, put

PACKAGE = Path(__file__).with_name("example_plugin")
MODULE = (PACKAGE / "losscli_quartic" / "__init__.py").read_text("utf8")
TABLE = "y_pred,y\n1,2\n3,1\n"
EVAL = ("eval", "-l", "quartic", "a.csv", "--format", "value")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    put(tmp_path, {"a.csv": TABLE, "quartic.py": MODULE})
    return tmp_path


def run(here: Path, *args: str, path: Path | None = None) -> Ran:
    return support.run(*args, cwd=here, env={"PYTHONPATH": f"{path}:{support.ROOT}"} if path else None)


def installed(here: Path, module: str = MODULE) -> Path:
    """A folder that holds the example package as an installer leaves it."""
    said = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf8"))["project"]
    folder, info = here / "site", "losscli_quartic-0.1.0.dist-info"
    for part in ("losscli_quartic", info):
        (folder / part).mkdir(parents=True)
    (name, target), *_ = said["entry-points"]["losscli.losses"].items()
    put(
        folder,
        {
            "losscli_quartic/__init__.py": module,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {said['name']}\nVersion: 0.1.0\n",
            f"{info}/entry_points.txt": f"[losscli.losses]\n{name} = {target}\n",
        },
    )
    return folder


def test_an_installed_package_brings_its_loss(here: Path) -> None:
    path = installed(here)
    assert run(here, *EVAL, path=path) == Ran("8.5\n", "", 0)
    assert run(here, *EVAL, "--scale", "2", path=path) == Ran("0.53125\n", "", 0)
    listed = json.loads(run(here, "list", "--format", "json", path=path).stdout)["losses"]
    (quartic,) = (one for one in listed if one["name"] == "quartic")
    assert quartic["properties"] == ["convex", "symmetric", "differentiable"]


def test_a_broken_package_harms_nothing_else(here: Path) -> None:
    path = installed(here, "import not_there\n")
    ran = run(here, *EVAL, path=path)
    assert (ran.code, ran.stdout) == (2, "")
    error, warning = ran.stderr.splitlines()
    assert error.startswith("losscli: error: unknown loss 'quartic'")
    assert warning == (
        "losscli: warning: plug-in quartic (losscli_quartic) is left out: "
        "ModuleNotFoundError: No module named 'not_there'"
    )
    assert run(here, "eval", "-l", "mse", "a.csv", "--format", "value", path=path) == Ran("2.5\n", "", 0)
    ran = run(here, "list", path=path)
    assert (ran.code, len(ran.stderr.splitlines())) == (0, 1)


def test_what_a_broken_package_had_registered_is_taken_back(here: Path) -> None:
    path = installed(here, MODULE + "\nraise RuntimeError('too late')\n")
    assert "quartic" not in run(here, "list", path=path).stdout
    assert "RuntimeError: too late" in run(here, "list", path=path).stderr


def test_a_file_brings_its_losses(here: Path) -> None:
    for said in (["--plugin", "quartic.py"], ["--plugin=quartic.py"]):
        assert run(here, *EVAL, *said) == Ran("8.5\n", "", 0)
    assert "Quartic: (e/s)⁴" in run(here, "explain", "quartic", "--plugin", "quartic.py").stdout
    assert "\nquartic\tregression\tscale=1\t" in run(here, "list", "--plugin", "quartic.py").stdout
    assert "--scale" in run(here, "eval", "-l", "quartic", "--plugin", "quartic.py", "--help").stdout
    assert run(here, *EVAL).code == 2


def test_gradcheck_runs_the_laws(here: Path) -> None:
    assert run(here, "gradcheck", "quartic", "--plugin", "quartic.py").code == 0
    put(here, {"wrong.py": MODULE.replace("yield 4 *", "yield 5 *")})
    ran = run(here, "gradcheck", "quartic", "--plugin", "wrong.py")
    assert ran.code == 1
    assert "quartic: gradient of pred" in ran.stderr


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("raise ValueError('a\\nb')", "--plugin bad.py: ValueError: a b"),
        ("raise SystemExit(3)", "--plugin bad.py: SystemExit: 3"),
        ("def x(:", "--plugin bad.py: SyntaxError: "),
        (MODULE.replace("quartic(", "mse("), "--plugin bad.py: ValueError: mse already is a loss"),
        (MODULE.replace("quartic(", "L1Loss("), "--plugin bad.py: ValueError: L1Loss already means mae"),
        (MODULE.replace("scale: Scale", "scale: float"), "--plugin bad.py: "),
    ],
    ids=["raises", "exits", "no Python", "a name of ours", "an alias of ours", "a parameter without a rule"],
)
def test_a_file_that_cannot_be_loaded(module: str, said: str, here: Path) -> None:
    put(here, {"bad.py": module})
    ran = run(here, "eval", "-l", "mse", "a.csv", "--plugin", "bad.py")
    assert (ran.code, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1)
    assert ran.stderr.startswith(f"losscli: error: {said}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("e**4", "e.no"), "quartic of bad.py fails: AttributeError: "),
        (
            ("yield 12 * e**2 / scale**2", ""),
            "quartic of bad.py yields fewer than 3: value, gradient, Hessian diagonal",
        ),
        (("yield e**4", "yield e.sum()"), "quartic of bad.py has a value of shape (), not (2,)"),
    ],
    ids=["raises", "stops", "another shape"],
)
def test_a_function_that_does_not_do_its_part(change: tuple[str, str], said: str, here: Path) -> None:
    put(here, {"bad.py": MODULE.replace(*change)})
    ran = run(here, *EVAL, "--hess", "--plugin", "bad.py")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"losscli: error: {said}")


def test_a_file_that_is_not_there(here: Path) -> None:
    assert run(here, *EVAL, "--plugin", "no.py") == Ran("", "losscli: error: --plugin no.py: no such file\n", 2)
