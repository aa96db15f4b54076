"""docs/operate.md on a clean Debian, to the letter: `python -m tests.operate.clean` (`make operate`), as root.

A fresh Debian is laid into a folder (debootstrap) and entered by chroot. The commands of "On a server, for good" are
run there as they stand, but systemd's, which a folder has not; the first e-mail goes to a server on loopback. Only the
installation may reach package registries: what follows runs in a network namespace that has nothing but loopback.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.operate.commands import ROOT, block

ADDRESS = "<address of this repository>"
SERVER = "On a server, for good"
RECEIVER = """
import sys, threading
from aiosmtpd.controller import Controller
class Take:
    async def handle_DATA(self, server, session, envelope):
        print(envelope.content.decode(), flush=True)
        taken.set()
        return "250 OK"
taken = threading.Event()
controller = Controller(Take(), hostname="127.0.0.1", port=2525)
controller.start()
print("listening", flush=True)
sys.exit(0 if taken.wait(60) else 1)
"""


@contextmanager
def debian(folder: Path) -> Iterator[Path]:
    """The root of a clean Debian 12 with this repository as /srv/source.git."""
    root = folder / "debian"
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(root)], check=True, stdout=subprocess.DEVNULL)
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    # Where this machine needs certificates of its own to reach the registries, so does that one.
    names = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    given = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    (root / "etc" / "environment").write_text("\n".join(given) + "\n", encoding="utf-8")
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(root / "srv" / "source.git")], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", str(root / "proc")], check=True)


def inside(root: Path, script: str, *, network: bool) -> None:
    """Run `script` there as root, in a clean environment; stop at the first command that fails."""
    kept = (root / "etc" / "environment").read_text(encoding="utf-8").split()
    clean = ["env", "-i", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *kept]
    apart = [] if network else ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
    subprocess.run([*apart, "chroot", str(root), *clean, "sh", "-e", "-c", script], check=True)


def follow(root: Path) -> None:
    """From the bare system to the first e-mail."""
    certificates = os.environ.get("SSL_CERT_FILE")
    install, channel, trial, _ = (block(SERVER, number) for number in range(4))
    first, *rest = install.script.splitlines()
    inside(root, first, network=True)
    if certificates:
        shutil.copy(certificates, root / certificates.lstrip("/"))
    inside(root, "\n".join(rest).replace(ADDRESS, "/srv/source.git"), network=True)
    config = root / "srv" / "tocsin" / "config" / "channels.yaml"
    shipped = config.read_text(encoding="utf-8")
    assert [line.partition(":")[0] for line in channel.lines] == ["url", "to"]
    mended = shipped.replace("mailto://localhost/?from=tocsin@localhost", "mailto://127.0.0.1:2525/?from=t@example.org")
    assert mended != shipped
    config.write_text(mended, encoding="utf-8")
    # A machine of its own has a server for mail; here one listens for as long as the trial takes.
    python = "/opt/receiver/bin/python"
    inside(root, "python3 -m venv /opt/receiver && /opt/receiver/bin/pip install --quiet aiosmtpd", network=True)
    (root / "root" / "receiver.py").write_text(RECEIVER, encoding="utf-8")
    receive = f"{python} /root/receiver.py > /root/mail & until grep -q listening /root/mail; do sleep 0.2; done"
    inside(root, f"{receive}\ncd /srv/tocsin\n{trial.script}\nwait $!", network=False)
    assert "Subject:" in (root / "root" / "mail").read_text(encoding="utf-8")
    inside(root, "cd /srv/tocsin && runuser -u tocsin -- .venv/bin/tocsin check", network=False)
    inside(root, "cd /srv/tocsin && make run", network=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where to lay the Debian; a temporary folder by default")
    options = parser.parse_args()
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        sys.exit("this needs root and debootstrap (apt-get install debootstrap)")
    temporary = tempfile.TemporaryDirectory(dir=options.folder, prefix="tocsin-operate-")
    with temporary as folder, debian(Path(folder)) as root:
        follow(root)
    print("docs/operate.md leads from a clean Debian to the first e-mail")  # noqa: T201 (it is a command)


if __name__ == "__main__":
    main()
