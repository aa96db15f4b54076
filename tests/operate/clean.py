"""docs/operate.md on a clean Debian, to the letter: `python -m tests.operate.clean` (`make operate`), as root.

A fresh Debian is laid into a folder (debootstrap) and entered by chroot. The commands of "On a server, for good" are
run there as they stand, but systemd's, which a folder has not: what its unit starts is started by hand. The mail server
that the document names stands on loopback, with STARTTLS and a login. Only the installation may reach package
registries: what follows runs in a network namespace that has nothing but loopback.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.operate.commands import ROOT, block

ADDRESS = "<address of this repository>"
SOURCE = "/srv/source.git"
VISITOR = "you"
NEWS = "# What a newer version says."
SERVER = "On a server, for good"
PROGRAMS = {"debootstrap": "debootstrap", "unshare": "util-linux", "chroot": "coreutils", "ip": "iproute2"}
"""What this needs, and the package of each."""
PASSWORD = "p@ss/w0rd &%$;"
HOSTS = "127.0.0.1 localhost mail.example.org\n::1 localhost\n"
ENTER = """
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/dev/shm"
[ "$2" = network ] || ip link set lo up
root=$1; shift 2; exec chroot "$root" "$@"
"""
MAIL = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mail.example.org \\
  -addext subjectAltName=DNS:mail.example.org -keyout /root/mail.key -out /usr/local/share/ca-certificates/mail.crt
update-ca-certificates
"""
RECEIVED = """
certificate=/usr/local/share/ca-certificates/mail.crt
/opt/mail/bin/python /root/mail_server.py $certificate /root/mail.key {password} >/root/mail &
until grep -q listening /root/mail; do kill -0 $!; sleep 0.2; done
cd /srv/tocsin
{trial}
wait $!
"""
SERVED = """
cd /srv/tocsin
set -a; . /etc/tocsin.env; set +a
umask 0077
setpriv --reuid tocsin --regid tocsin --init-groups --no-new-privs --bounding-set=-all {command} >/root/serve.log 2>&1 &
until [ -e state/swept_at ] && /opt/mail/bin/python -c '
import urllib.request
urllib.request.urlopen("http://127.0.0.1:8484/healthz")' 2>/dev/null; do kill -0 $!; sleep 1; done
runuser -u tocsin -- .venv/bin/tocsin db backup state/copy.db
kill -TERM $!
wait $!
"""
NEWER = f"""
git clone --quiet {SOURCE} /root/newer && cd /root/newer
echo '{NEWS}' >>config/channels.yaml
git -c user.name=They -c user.email=they@example.org commit --quiet --all --message 'Say something new'
git push --quiet
"""


def lay(root: Path) -> None:
    """A clean Debian 12 with this repository as /srv/source.git."""
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(root)], check=True, stdout=subprocess.DEVNULL)
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    (root / "etc" / "hosts").write_text(HOSTS, encoding="utf-8")
    # As at an address, everybody may clone it.
    (root / "etc" / "gitconfig").write_text(f"[safe]\n\tdirectory = {SOURCE}\n", encoding="utf-8")
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(root / SOURCE.lstrip("/"))], check=True)


def inside(root: Path, script: str, *, user: str = "", network: bool = False) -> None:
    """Run `script` there as root or as `user`, in a clean environment; stop at the first command that fails.

    Its processes end with it, and so does what is mounted for them.
    """
    # Where this machine needs certificates of its own to reach the registries, so does that one.
    names = ("PIP_CERT", "SSL_CERT_FILE") if network else ()
    kept = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    become = ["runuser", "-u", user, "--", "env", f"HOME=/home/{user}"] if user else []
    clean = [
        "env",
        "-i",
        "HOME=/root",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND=noninteractive",
        *kept,
        *become,
    ]
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
    enter = [*apart, "sh", "-e", "-c", ENTER, "sh", str(root), "network" if network else "alone"]
    subprocess.run([*enter, *clean, "sh", "-e", "-c", script], check=True)


def install(root: Path) -> None:
    """All that needs a network: as root for good, as somebody with an account to try it, and a server of mail."""
    server, (clone, make, _) = block(SERVER, 0).lines, block("Install").lines
    inside(root, server[0], network=True)
    certificates = os.environ.get("SSL_CERT_FILE")
    if certificates:
        shutil.copy(certificates, root / certificates.lstrip("/"))
    inside(root, "\n".join(server[1:]).replace(ADDRESS, SOURCE), network=True)
    inside(root, f"useradd --create-home {VISITOR}")
    inside(root, f"cd\n{clone.replace(ADDRESS, SOURCE)}\n{make}", user=VISITOR, network=True)
    receiver = f"python3 -m venv /opt/mail && /opt/mail/bin/pip install --quiet aiosmtpd=={version('aiosmtpd')}"
    inside(root, receiver, network=True)


def configure(root: Path) -> None:
    """The channel as the document has it, and its password."""
    config = root / "srv" / "tocsin" / "config" / "channels.yaml"
    text = config.read_text(encoding="utf-8")
    for line in block(SERVER, 1).lines:
        key = line.partition(":")[0]
        text, count = re.subn(rf"(- id: mail\n(?:    .*\n)*?    ){key}: .*", lambda found: found[1] + line, text)  # noqa: B023
        assert count == 1, f"no `{key}` in the channel `mail`"
    config.write_text(text, encoding="utf-8")
    with (root / "etc" / "tocsin.env").open("a", encoding="utf-8") as environment:
        environment.write(f"SMTP_PASSWORD='{PASSWORD}'\n")


def follow(root: Path) -> None:
    """From the bare system to the seeds replayed, to the first e-mail, a service that sweeps, and an upgrade."""
    install(root)
    inside(root, f"cd ~/tocsin\n{block('Install').lines[2]}", user=VISITOR)
    shutil.copy(Path(__file__).with_name("mail_server.py"), root / "root")
    inside(root, MAIL)
    configure(root)
    inside(root, RECEIVED.format(password=shlex.quote(PASSWORD), trial=block(SERVER, 2).script))
    mail = (root / "root" / "mail").read_text(encoding="utf-8")
    assert "To: you@example.org" in mail and "Subject:" in mail, mail
    copy, *_ = block(SERVER, 3).lines
    inside(root, f"mkdir -p /etc/systemd/system && cd /srv/tocsin && {copy}")
    unit = (root / "etc" / "systemd" / "system" / "tocsin.service").read_text(encoding="utf-8")
    command = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    inside(root, SERVED.format(command=command[0]))
    inside(root, NEWER)
    inside(root, "cd /srv/tocsin\n" + "\n".join(line for line in block("Upgrade").lines if "systemctl" not in line))
    config = (root / "srv" / "tocsin" / "config" / "channels.yaml").read_text(encoding="utf-8")
    assert NEWS in config and "mail.example.org" in config, config
    inside(root, 'test -z "$(find /srv/tocsin/state -not -user tocsin)"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where to lay the Debian; a temporary folder by default")
    options = parser.parse_args()
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        sys.exit(f"this needs what is not installed here: apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        sys.exit("this needs root: it mounts, makes a network of its own and enters a folder as a system")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="tocsin-operate-") as folder:
        root = Path(folder) / "debian"
        lay(root)
        follow(root)
    print("docs/operate.md leads from a clean Debian to the first e-mail")  # noqa: T201 (it is a command)


if __name__ == "__main__":
    main()
