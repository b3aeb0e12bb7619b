"""Makes the Python environment: the one module that runs before any package is there, by any Python 3.

Run by the Makefile as a file: `python3 -I plugins/overstap/local/bootstrap.py [--dev]`. It uses the standard library alone
and no syntax that an old Python cannot read, so that an old Python is told it is too old.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
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


class Refused(Exception):  # noqa: N818
    """A reason not to go on, by its name in include/texts/bootstrap/messages.json."""

    def __init__(self, name, **facts):  # type: ignore[no-untyped-def]
        super().__init__(name)
        self.name = name
        self.facts = facts


def sentence(name, **facts):  # type: ignore[no-untyped-def]
    """Return a sentence in Dutch and in English, on two lines."""
    with open(os.path.join(PROJECT, "include", "texts", "bootstrap", "messages.json"), encoding="utf-8") as file:  # noqa: PTH123
        text = json.load(file)[name]
    return text["nl"].format(**facts) + "\n" + text["en"].format(**facts)


def check_python(version):  # type: ignore[no-untyped-def]
    """Refuse a Python that Airflow does not run on, or one that cannot make environments."""
    found = ".".join(str(part) for part in version)
    if tuple(version) not in SUPPORTED:
        raise Refused("version", found=found)
    for module in ("venv", "ensurepip"):
        try:
            __import__(module)
        except ImportError:
            raise Refused("venv", found=found, module=module) from None


def check_disk(folder, needed_mib):  # type: ignore[no-untyped-def]
    """Refuse a disk on which the environment does not fit."""
    free_mib = shutil.disk_usage(folder).free // 2**20
    if free_mib < needed_mib:
        raise Refused("disk", folder=folder, free_mib=free_mib, needed_mib=needed_mib)


def is_sound(folder):  # type: ignore[no-untyped-def]
    """Return whether there is an environment whose Python starts, is a supported one, and has pip."""
    program = os.path.join(folder, "bin", "python")
    wanted = "import pip, sys; sys.exit(sys.version_info[:2] not in %r)" % (SUPPORTED,)
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123
            return subprocess.call([program, "-I", "-c", wanted], stdout=nowhere, stderr=nowhere) == 0  # noqa: S603
    except OSError:
        return False


def install(folder, requirements):  # type: ignore[no-untyped-def]
    """Install the locked packages and the project itself; what pip says goes to a log."""
    log = os.path.join(folder, "install.log")
    count = 0
    for path in requirements:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            count += sum("==" in line for line in file)
    print(sentence("packages", count=count, log=log), flush=True)
    pip = [os.path.join(folder, "bin", "python"), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    locked = [part for path in requirements for part in ("-r", path)]
    for command in (
        [*pip, "install", "--progress-bar", "off", *locked],
        # Without build isolation: the builder is one of the locked packages, so nothing else is fetched.
        [*pip, "install", "--no-deps", "--no-build-isolation", "--editable", PROJECT],
    ):
        with open(log, "ab") as file:  # noqa: PTH123
            begin = file.tell()
            code = subprocess.call(command, stdout=file, stderr=subprocess.STDOUT, cwd=PROJECT)  # noqa: S603
        if code != 0:
            with open(log, "rb") as file:  # noqa: PTH123
                file.seek(begin)
                said = file.read().decode("utf-8", "replace")
            raise Refused("network" if any(sign in said for sign in NETWORK_SIGNS) else "pip", log=log)


def make(folder, is_dev):  # type: ignore[no-untyped-def]
    """Make or bring up to date the environment in a folder."""
    check_python(sys.version_info[:2])
    if not is_sound(folder):
        check_disk(PROJECT, NEEDED_MIB)
        if os.path.isdir(folder):  # noqa: PTH112
            shutil.rmtree(folder)
        import venv

        venv.create(folder, with_pip=True, symlinks=True)
    names = ["requirements.txt"] + (["requirements-dev.txt"] if is_dev else [])
    install(folder, [os.path.join(PROJECT, name) for name in names])
    print(sentence("ready", folder=folder), flush=True)


def main():  # type: ignore[no-untyped-def]
    """Make the environment; exit 2 with a sentence when that cannot be done here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what developers and CI need")
    parser.add_argument("--folder", default=os.path.join(PROJECT, ".venv"))
    given = parser.parse_args()
    try:
        make(given.folder, given.dev)
    except Refused as reason:
        print(sentence(reason.name, **reason.facts), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
