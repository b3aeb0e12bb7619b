"""Stand-ins for what is not here: a machine with systemd and nginx, and images of others."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deployed import Deployed, base_image

from overstap_tools.local.waiting import wait_until

_APT = (
    "RUN apt-get {options}update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
)
_MACHINE = f"""\
FROM {{base}}
USER root
{_APT.format(options="")} systemd nginx
ENTRYPOINT ["/lib/systemd/systemd"]
"""
METRICS = f"""\
FROM {{base}}
USER root
RUN . /etc/os-release && cd /etc/apt && for one in sources.list sources.list.d/debian.sources; do \\
    if [ -s $one ]; then sed "s/$VERSION_CODENAME/testing/g" $one > sources.list.d/testing.${{{{one##*.}}}}; fi; done
{_APT.format(options="-o Acquire::Check-Valid-Until=false ")} --target-release testing victoria-metrics
RUN mkdir -p /prometheus && chown nobody /prometheus
USER nobody
VOLUME /prometheus
ENTRYPOINT ["/usr/bin/victoria-metrics"]
"""
"""Debian's VictoriaMetrics, with Prometheus' interface for queries; Debian's Prometheus takes no OTLP."""
REDIS = f"""\
FROM {{base}}
USER root
{_APT.format(options="")} redis-server
RUN mkdir -p /data && chown redis /data
VOLUME /data
ENTRYPOINT []
"""
"""Debian's redis-server, with the user and the folder of the official image."""


def has_image(name: str) -> bool:
    """Return whether an image is here or can be pulled."""
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0:
        return True
    return subprocess.run(["docker", "pull", "--quiet", name], capture_output=True, timeout=120).returncode == 0


def need_image(name: str, stand_in: str) -> None:
    """Have an image: the one that is here, the official one, or a stand-in where none can be pulled.

    Args:
        name: such as "redis:8".
        stand_in: Dockerfile without context.
    """
    if has_image(name):
        return
    words = ["docker", "build", "--network", "host", "--tag", name, "-"]
    subprocess.run(words, input=stand_in.format(base=base_image()), text=True, check=True, timeout=600)


@contextmanager
def machine(deployed: Deployed) -> Iterator[Callable[[str], str]]:
    """Start a machine with systemd and nginx, which has the deployment's folders at the pages' own paths.

    Yields:
        What runs a command on it, and returns what it said.
    """
    image, name = "overstap-test-machine", f"{deployed.project}-machine"
    subprocess.run(
        ["docker", "build", "--network", "host", "--quiet", "--tag", image, "-"],
        input=_MACHINE.format(base=base_image()),
        text=True,
        check=True,
        timeout=600,
        stdout=subprocess.DEVNULL,
    )
    etc = deployed.place / "etc"
    options = [
        "--cap-add",
        "SYS_ADMIN",
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "apparmor=unconfined",
    ]
    options += [
        "--cgroupns",
        "private",
        "--volume",
        "/sys/fs/cgroup:/sys/fs/cgroup",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp",
    ]
    options += ["--network", "none", "--volume", f"{deployed.code}:/opt/overstap:ro"]
    # nginx's configuration names its certificates where `deploy/init` was told to put them
    options += ["--volume", f"{etc}:/etc/overstap:ro", "--volume", f"{etc}:{etc}:ro"]
    subprocess.run(["docker", "run", "--detach", "--name", name, *options, image], check=True, capture_output=True)

    def run(command: str) -> str:
        done = subprocess.run(
            ["docker", "exec", "--workdir", "/opt/overstap", name, "bash", "-leuo", "pipefail", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\nended with {done.returncode}:\n{done.stdout[-2000:]}"
        return done.stdout

    def is_up() -> bool:
        words = ["docker", "exec", name, "systemctl", "is-system-running"]
        return subprocess.run(words, capture_output=True, text=True).stdout.strip() in ("running", "degraded")

    try:
        wait_until(is_up, "systemd", 120)
        yield run
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True)
