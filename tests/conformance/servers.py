"""Real servers, started for a test on loopback and stopped after it; their logs stay in pytest's folder."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.conformance.certificates import Authority, write_key
from tools import servers

HOST = "127.0.0.1"
WAIT = 90  # seconds in which a server has to be there


def tool(name: str) -> Path:
    """A command that `python3 tools/servers.py` built; without it the test is skipped by its name."""
    command = servers.place(name)
    if not command.exists():
        pytest.skip(f"{name} is not built: python3 tools/servers.py {name}")
    return command


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    argv: list[str | Path], log: Path, ready: Callable[[], bool], **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A server from when it is `ready` until the end of the block."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=said, stderr=said, **options
        )
    try:
        end = time.monotonic() + WAIT
        while not answers(ready):
            if process.poll() is not None or time.monotonic() > end:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                pytest.fail(f"{Path(str(argv[0])).name} did not start; its log ({log}) ends with\n{last}")
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except (requests.RequestException, OSError):
        return False


class ApiServer(NamedTuple):
    """How to reach the API server, as a cluster's administrator."""

    url: str
    ca: Path
    token: str


@contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """etcd and kube-apiserver, without any controller: what is written stays as it is."""
    etcd, command = tool("etcd"), tool("kube-apiserver")
    store, peer, port, token = free_port(), free_port(), free_port(), "administrator"
    clients, peers = f"http://{HOST}:{store}", f"http://{HOST}:{peer}"
    certificate, key = (authority := Authority(folder)).issue("kube-apiserver", "kubernetes.default.svc")
    accounts = write_key(folder / "accounts.pem")
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{token},administrator,1,system:masters\n")
    url = f"https://{HOST}:{port}"
    with (
        running(
            [
                etcd,
                f"--data-dir={folder}/etcd",
                f"--listen-client-urls={clients}",
                f"--advertise-client-urls={clients}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
                "--unsafe-no-fsync",
            ],
            folder / "etcd.log",
            lambda: requests.get(f"{clients}/health", timeout=2).ok,
        ),
        running(
            [
                command,
                f"--etcd-servers={clients}",
                f"--bind-address={HOST}",
                f"--secure-port={port}",
                f"--tls-cert-file={certificate}",
                f"--tls-private-key-file={key}",
                f"--token-auth-file={tokens}",
                "--authorization-mode=RBAC",
                "--enable-admission-plugins=PodSecurity",
                "--allow-privileged=true",  # as AKS has it
                f"--service-account-issuer={url}",
                f"--service-account-key-file={accounts}",
                f"--service-account-signing-key-file={accounts}",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--endpoint-reconciler-type=none",
            ],
            folder / "kube-apiserver.log",
            lambda: requests.get(f"{url}/readyz", timeout=5, verify=authority.certificate).ok,
        ),
    ):
        yield ApiServer(url, authority.certificate, token)


class VaultServer(NamedTuple):
    """A Vault that nobody initialised yet."""

    url: str
    ca: Path

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Its answer, which must be no error."""
        answer = requests.request(
            method,
            f"{self.url}/v1/{path}",
            json=body,
            verify=self.ca if self.ca.exists() else None,
            headers={"X-Vault-Token": token},
            timeout=30,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}


class Seal(NamedTuple):
    """Another Vault whose `transit` keys seal ours, as Key Vault's does in Azure: it unseals by itself."""

    url: str
    token: str

    def stanza(self) -> dict[str, Any]:
        return {"transit": {"address": self.url, "token": self.token, "key_name": "seal", "mount_path": "transit/"}}


@contextmanager
def seal(folder: Path) -> Iterator[Seal]:
    """A Vault in memory that is open from the start, with a key for others to be sealed by."""
    command, port, token = tool("vault"), free_port(), "seal"
    url = f"http://{HOST}:{port}"
    argv = [command, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={token}"]
    with running(
        [*argv, f"-dev-listen-address={HOST}:{port}"],
        folder / "seal.log",
        lambda: requests.get(f"{url}/v1/sys/health", timeout=2).ok,
        env={**os.environ, "HOME": str(folder)},
    ):
        server = VaultServer(url, folder / "none")
        server.call("POST", "sys/mounts/transit", {"type": "transit"}, token)
        server.call("POST", "transit/keys/seal", {}, token)
        yield Seal(url, token)


@contextmanager
def vault_server(folder: Path, by: Seal, storage: Mapping[str, Any] | None = None) -> Iterator[VaultServer]:
    """An empty Vault with TLS, sealed `by` another: on disk, or in the `storage` that its file would name."""
    command, port, cluster = tool("vault"), free_port(), free_port()
    certificate, key = (authority := Authority(folder)).issue("vault", "vault.vault.svc")
    url = f"https://{HOST}:{port}"
    listener = {
        "address": f"{HOST}:{port}",
        "cluster_address": f"{HOST}:{cluster}",
        "tls_cert_file": str(certificate),
        "tls_key_file": str(key),
    }
    settings = {
        "storage": storage or {"file": {"path": str(folder / "data")}},
        "listener": {"tcp": listener},
        "seal": by.stanza(),
        "api_addr": url,
        "cluster_addr": f"https://{HOST}:{cluster}",
        "disable_mlock": True,
    }
    file = folder / "vault.json"
    file.write_text(json.dumps(settings))
    with running(
        [command, "server", f"-config={file}"],
        folder / "vault.log",
        lambda: bool(requests.get(f"{url}/v1/sys/seal-status", timeout=2, verify=authority.certificate).json()),
        env={**os.environ, "HOME": str(folder)},
    ):
        yield VaultServer(url, authority.certificate)


class Postgres(NamedTuple):
    """A PostgreSQL server, as its administrator."""

    port: int
    ca: Path
    password: str
    bin: Path

    def psql(self, *arguments: str, database: str = "postgres", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run psql over TLS, verifying all of it unless told otherwise."""
        env = {
            "PATH": os.environ["PATH"],
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": "administrator",
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.ca),
        }
        argv = [self.bin / "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", *arguments]
        return subprocess.run(argv, env=env | variables, capture_output=True, text=True, check=False, timeout=60)


def postgres_programs() -> Path:
    """The folder of the newest PostgreSQL server that is installed."""
    debian = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found = sorted(debian, key=lambda path: int(path.parent.name))
    if not found and (elsewhere := shutil.which("initdb")):
        found = [Path(elsewhere).resolve().parent]
    if not found:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    return found[-1]


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL that takes nothing but TLS, with a certificate of an authority of our own."""
    programs, port, password = postgres_programs(), free_port(), "administrator's"
    certificate, key = (authority := Authority(folder)).issue("postgres")
    options: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("postgres")
        options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
    secret, data = folder / "password", folder / "data"
    secret.write_text(password)
    secret.chmod(0o644)
    initdb = [programs / "initdb", "--username=administrator", f"--pwfile={secret}", "--auth=scram-sha-256"]
    subprocess.run(
        [*initdb, "--encoding=UTF8", "--locale=C", "--no-sync", data], check=True, capture_output=True, **options
    )
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    server = Postgres(port, authority.certificate, password, programs)
    settings = {
        "listen_addresses": HOST,
        "port": port,
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": certificate,
        "ssl_key_file": key,
        "fsync": "off",
    }
    argv = [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
    with running(argv, folder / "postgres.log", lambda: server.psql("-c", "select 1").returncode == 0, **options):
        yield server
