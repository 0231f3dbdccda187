"""Fixtures for all tests, and settings that make them give the same result every time."""

import signal
from collections.abc import Callable
from compileall import compile_dir
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from losscli.cli.app import run as run_arguments
from tests import support

# a job in the background, or of nohup, would hand on that they are ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile(
    "losscli",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("losscli")


collect_ignore = ["example_plugin", "mutation"]  # a loss of its own; a tool of its own


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile once what some thousand processes import, as an installed package is."""
    if not hasattr(session.config, "workerinput"):  # of pytest-xdist
        compile_dir(support.ROOT / "losscli", quiet=1)


@pytest.fixture(scope="session", autouse=True)
def _root(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Configuration is looked for up to a repository's root: here that is below whatever the tests' folders lie in."""
    (tmp_path_factory.getbasetemp() / ".git").touch()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., support.Ran]:
    """`run("eval", …)` runs losscli in the test's own folder."""
    return partial(support.run, cwd=tmp_path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder, which is the current one too, so that messages show bare file names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_here(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., support.Ran]:
    """The same inside this process, for many runs in little time: no new interpreter, and no standard input."""
    for name in support.UNSET:
        monkeypatch.delenv(name, raising=False)

    def run(*args: str) -> support.Ran:
        code = run_arguments(args)
        return support.Ran(*capfd.readouterr(), code)

    return run
