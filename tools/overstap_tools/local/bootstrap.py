"""Creation of the Python environment, without any package installed and with any Python 3.

Run by the Makefile as a file: `python3 -I tools/overstap_tools/local/bootstrap.py [--dev]`. It uses the standard
library alone and no syntax that an old Python cannot read, so that an old Python is told it is too old.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
SUPPORTED = ((3, 11), (3, 12), (3, 13))
NEEDED_MIB = 2048
"""An environment is about 950 MiB; pip unpacks beside it while it installs."""
NETWORK_SIGNS = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Failed to establish a new connection",
    "Cannot connect to proxy",
    "Connection refused",
    "from versions: none",
)
"""What pip writes when no registry answers; the last one also when it was told to use no registry at all."""


class SetupRefusedError(Exception):
    """The environment cannot be made; the reason is a key in include/texts/bootstrap/messages.json.

    Args:
        name: the sentence.
        facts: what fills its places.
    """

    def __init__(self, name: str, **facts: object) -> None:
        super().__init__(name)
        self.name = name
        self.facts = facts


def sentence(name: str, **facts: object) -> str:
    """Return a sentence in Dutch and in English, on two lines."""
    messages = PROJECT / "include" / "texts" / "bootstrap" / "messages.json"
    text = json.loads(messages.read_text(encoding="utf-8"))[name]
    return "\n".join(text[language].format(**facts) for language in ("nl", "en"))


def check_python(version: tuple) -> None:
    """Refuse a Python that Airflow does not run on, or one that cannot make environments.

    Args:
        version: major and minor.

    Raises:
        SetupRefusedError: "version" or "venv".
    """
    found = ".".join(str(part) for part in version)
    if version not in SUPPORTED:
        raise SetupRefusedError("version", found=found)
    for module in ("venv", "ensurepip"):
        try:
            __import__(module)
        except ImportError:
            raise SetupRefusedError("venv", found=found, module=module) from None


def check_disk(folder: Path, needed_mib: int) -> None:
    """Refuse a disk on which the environment does not fit.

    Args:
        folder: an existing folder on that disk.
        needed_mib: what must be free, in MiB.

    Raises:
        SetupRefusedError: "disk".
    """
    free_mib = shutil.disk_usage(str(folder)).free // 2**20
    if free_mib < needed_mib:
        raise SetupRefusedError("disk", folder=folder, free_mib=free_mib, needed_mib=needed_mib)


def is_sound(folder: Path) -> bool:
    """Return whether there is an environment whose Python starts, is a supported one, and has pip."""
    wanted = f"import pip, sys; sys.exit(sys.version_info[:2] not in {SUPPORTED!r})"
    command = [str(folder / "bin" / "python"), "-I", "-c", wanted]
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0  # noqa: S603
    except OSError:
        return False


def install(folder: Path, requirements: list) -> None:
    """Install the locked packages and the project itself; what pip says goes to `install.log` in the environment.

    Args:
        folder: the environment.
        requirements: the lock files.

    Raises:
        SetupRefusedError: "network" or "pip".
    """
    log = folder / "install.log"
    count = sum(path.read_text(encoding="utf-8").count("==") for path in requirements)
    print(sentence("packages", count=count, log=log), flush=True)
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    locked = [part for path in requirements for part in ("-r", str(path))]
    for words in (
        # Exactly the lock, as in the images: it is complete, and leaves out on purpose what pyproject.toml names.
        ["--progress-bar", "off", "--no-deps", "--require-hashes", *locked],
        # Without build isolation: the builder is one of the locked packages, so nothing else is fetched.
        ["--no-deps", "--no-build-isolation", "--editable", str(PROJECT), "--editable", str(PROJECT / "tools")],
    ):
        with log.open("ab") as file:
            begin = file.tell()
            code = subprocess.call([*pip, *words], stdout=file, stderr=subprocess.STDOUT, cwd=str(PROJECT))  # noqa: S603
        if code != 0:
            said = log.read_bytes()[begin:].decode("utf-8", "replace")
            raise SetupRefusedError("network" if any(sign in said for sign in NETWORK_SIGNS) else "pip", log=log)


def make(folder: Path, requirements: list) -> None:
    """Make or bring up to date the environment in a folder.

    Args:
        folder: made when it is not there, and anew when it is of no use.
        requirements: the lock files.

    Raises:
        SetupRefusedError: for any reason of this module.
    """
    check_python(sys.version_info[:2])
    if not is_sound(folder):
        check_disk(PROJECT, NEEDED_MIB)
        if folder.is_dir():
            shutil.rmtree(str(folder))
        import venv

        venv.create(str(folder), with_pip=True, symlinks=os.name != "nt")
    install(folder, requirements)
    print(sentence("ready", folder=folder), flush=True)


def main() -> int:
    """Make the environment; return 2, with a sentence, when that cannot be done here."""
    parser = argparse.ArgumentParser(description="Make the Python environment of this project.")
    parser.add_argument("--dev", action="store_true", help="also what developers and CI need")
    parser.add_argument("--folder", type=Path, default=PROJECT / ".venv")
    given = parser.parse_args()
    names = ["requirements.txt", *(["requirements-dev.txt"] if given.dev else [])]
    try:
        make(given.folder, [PROJECT / name for name in names])
    except SetupRefusedError as reason:
        print(sentence(reason.name, **reason.facts), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
