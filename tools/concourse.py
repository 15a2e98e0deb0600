"""What Concourse's pipelines and tasks may say, as models (atc/config.go, steps.go and task.go there)."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

BASE_TYPES = frozenset({
    "bosh-io-release", "bosh-io-stemcell", "docker-image", "git", "github-release", "hg", "mock", "pool",
    "registry-image", "s3", "semver", "time",
})  # fmt: skip
"""The resource types in Concourse's own image."""
DURATION = re.compile(
    r"[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*|0"
)
"""As Go writes one: 1h30m."""
LOWER = {"Ll", "Lt", "Lm", "Lo"}
HOURS = re.compile(r"(\d+)h(\d+m)?")


class Strict(BaseModel):
    """Refuses a field that Concourse does not know, and a value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


def unnamed(name: str) -> str:
    """Why a name is no identifier, or nothing."""
    if not name:
        return "is empty"
    if re.fullmatch(r"[0-9]+", name):
        return "cannot be just numbers"
    wrong = [c for c in name if not (c in "0123456789-_." or unicodedata.category(c) in LOWER)]
    if name[0] in "-_." or name[0] in wrong:
        return "must start with a lowercase letter or a number"
    return f"has the illegal character {wrong[0]!r}" if wrong else ""


def _identifier(name: str) -> str:
    if wrong := unnamed(name):
        raise ValueError(f"{name!r} {wrong}")
    return name


def _duration(text: str) -> str:
    if not DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 30m or 1h30m")
    return text


def _interval(text: str) -> str:
    return text if text == "never" else _duration(text)


Identifier = Annotated[str, AfterValidator(_identifier)]
Duration = Annotated[str, AfterValidator(_duration)]
Interval = Annotated[str, AfterValidator(_interval)]
Anything = dict[str, Any]


class ResourceType(Strict):
    """Also a prototype: they have the same fields."""

    name: Identifier
    type: str
    source: Anything
    defaults: Anything = {}
    privileged: bool = False
    check_every: Interval = ""
    tags: list[str] = []
    params: Anything = {}


class Resource(Strict):
    name: Identifier
    old_name: str = ""
    type: str
    source: Anything
    public: bool = False
    webhook_token: str = ""
    check_every: Interval = ""
    check_timeout: Duration = "1h"
    tags: list[str] = []
    version: dict[str, str] = {}
    icon: str = ""
    expose_build_created_by: bool = False


class Group(Strict):
    name: Identifier
    jobs: list[str] = []
    resources: list[str] = []


class IdToken(Strict):
    """A token that Concourse signs for a build (atc/creds/idtoken)."""

    audience: list[str] = []
    subject_scope: Literal["", "team", "pipeline", "instance", "job"] = "pipeline"
    expires_in: Duration = "1h"
    algorithm: Literal["RS256", "ES256"] = "RS256"

    @model_validator(mode="after")
    def _at_most_a_day(self) -> "IdToken":
        found = HOURS.fullmatch(self.expires_in)
        if found and int(found[1]) * 60 + int((found[2] or "0m")[:-1]) > 24 * 60:
            raise ValueError("expires_in is at most 24h")
        return self


class VaultSource(Strict):
    """A Vault of the pipeline's own (atc/creds/vault)."""

    url: str = Field(pattern=r"^(https?://[^/]|\(\()")
    path_prefix: str = "/concourse"
    lookup_templates: list[str] = []
    shared_path: str = ""
    namespace: str = ""
    login_timeout: Duration = "60s"
    query_timeout: Duration = "60s"
    enable_kv_mount_cache: bool = False
    disable_srv_lookup: bool = False
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    client_token: str = ""
    client_token_path: str = ""
    auth_backend: str = ""
    auth_backend_max_ttl: Duration = "0"
    auth_retry_max: Duration = "5m"
    auth_retry_initial: Duration = "1s"
    auth_params: dict[str, str] = {}

    @model_validator(mode="after")
    def _logs_in(self) -> "VaultSource":
        if not (self.client_token or self.client_token_path or self.auth_backend):
            raise ValueError("one of client_token, client_token_path and auth_backend is needed")
        return self


class Dummy(Strict):
    vars: Anything


class VarSource(Strict):
    name: Identifier
    type: Literal["vault", "dummy", "ssm", "secretsmanager", "idtoken"]
    config: Anything


SOURCES: dict[str, type[Strict]] = {"idtoken": IdToken, "vault": VaultSource, "dummy": Dummy}
"""How a variable source is configured, for those of which we know it."""


class Display(Strict):
    background_image: str = ""
    background_filter: str = ""

    @model_validator(mode="after")
    def _web(self) -> "Display":
        if urlsplit(self.background_image).scheme not in ("", "http", "https"):
            raise ValueError("background_image is https, http or relative")
        return self


class Retention(Strict):
    builds: NonNegativeInt = 0
    days: NonNegativeInt = 0
    minimum_succeeded_builds: NonNegativeInt = 0

    @model_validator(mode="after")
    def _fewer(self) -> "Retention":
        if self.builds and self.minimum_succeeded_builds > self.builds:
            raise ValueError("minimum_succeeded_builds is more than builds")
        return self


class Job(Strict):
    """A job; `build_logs_to_retain` is missing as it is deprecated, which --strict refuses too."""

    name: Identifier
    old_name: str = ""
    plan: list[Anything] = Field(min_length=1)
    public: bool = False
    disable_manual_trigger: bool = False
    disable_reruns: bool = False
    serial: bool = False
    interruptible: bool = False
    serial_groups: list[str] = []
    max_in_flight: PositiveInt = 1
    tags: list[str] = []
    build_log_retention: Retention = Retention()
    on_success: Anything | None = None
    on_failure: Anything | None = None
    on_abort: Anything | None = None
    on_error: Anything | None = None
    ensure: Anything | None = None


class Pipeline(Strict):
    groups: list[Anything] = []
    var_sources: list[Anything] = []
    resources: list[Anything] = []
    resource_types: list[Anything] = []
    prototypes: list[Anything] = []
    jobs: list[Anything] = Field(min_length=1)
    display: Anything | None = None
    user_data: Any = None


class Limits(Strict):
    cpu: NonNegativeInt | None = None
    memory: int | str | None = None


class ImageResource(Strict):
    name: str = ""
    type: str
    source: Anything
    version: dict[str, str] = {}
    params: Anything = {}
    tags: list[str] = []


class Run(Strict):
    path: str = Field(min_length=1)
    args: list[str] = []
    dir: str = ""
    user: str = ""


class Input(Strict):
    name: str = Field(min_length=1)
    path: str = ""
    optional: bool = False


class Output(Strict):
    name: str = Field(min_length=1)
    path: str = ""


class Cache(Strict):
    path: str = Field(min_length=1)
    ttl: Duration = "1h"


class Task(Strict):
    """A task's file, or what a step has under `config`."""

    platform: str
    rootfs_uri: str = ""
    image_resource: ImageResource | None = None
    container_limits: Limits | None = None
    params: Anything = {}
    run: Run
    inputs: list[Input] = []
    outputs: list[Output] = []
    caches: list[Cache] = []


class Step(Strict):
    """What every kind of step may have around it."""

    timeout: Duration = ""
    attempts: PositiveInt = 1
    fail_fast: bool = False
    across: list[Anything] | None = None
    on_success: Anything | None = None
    on_failure: Anything | None = None
    on_abort: Anything | None = None
    on_error: Anything | None = None
    ensure: Anything | None = None


class GetStep(Step):
    get: str
    resource: str = ""
    version: dict[str, str] | Literal["every", "latest"] = "latest"
    params: Anything = {}
    passed: list[str] = []
    trigger: bool = False
    tags: list[str] = []


class PutStep(Step):
    put: str
    resource: str = ""
    params: Anything = {}
    inputs: list[str] | Literal["all", "detect"] = "detect"
    tags: list[str] = []
    get_params: Anything = {}
    no_get: bool = False


class TaskStep(Step):
    """`hermetic` is missing: --strict refuses it, as not every worker can do it."""

    task: str
    privileged: bool = False
    file: str = ""
    container_limits: Limits | None = None
    config: Anything | None = None
    params: Anything = {}
    vars: Anything = {}
    tags: list[str] = []
    input_mapping: dict[str, str] = {}
    output_mapping: dict[str, str] = {}
    image: str = ""


class RunStep(Step):
    run: str
    type: str
    params: Anything = {}
    privileged: bool = False
    tags: list[str] = []
    container_limits: Limits | None = None


class SetPipelineStep(Step):
    set_pipeline: str
    file: str = Field(min_length=1)
    team: str = ""
    vars: Anything = {}
    var_files: list[str] = []
    instance_vars: Anything = {}


class LoadVarStep(Step):
    load_var: str
    file: str = Field(min_length=1)
    format: Literal["json", "yaml", "yml", "trim", "raw"] | None = None
    reveal: bool = False


class TryStep(Step):
    try_: Anything = Field(alias="try")


class DoStep(Step):
    do: list[Anything]
    tags: list[str] = []


class InParallel(Strict):
    steps: list[Anything]
    limit: NonNegativeInt = 0
    fail_fast: bool = False


class InParallelStep(Step):
    in_parallel: list[Anything] | InParallel
    tags: list[str] = []


class Across(Strict):
    var: str
    values: Any
    max_in_flight: PositiveInt | Literal["all"] = 1


STEPS: dict[str, type[Step]] = {
    "get": GetStep, "put": PutStep, "task": TaskStep, "run": RunStep, "set_pipeline": SetPipelineStep,
    "load_var": LoadVarStep, "try": TryStep, "do": DoStep, "in_parallel": InParallelStep,
}  # fmt: skip
"""The kinds of step by the field that tells them."""
HOOKS = ("on_success", "on_failure", "on_abort", "on_error", "ensure")


def variables(value: object) -> Iterator[str]:
    """What stands between (( and )) in a value, as `name`, `source:name` or `.:name`."""
    if isinstance(value, str):
        yield from (found[1] for found in re.finditer(r"\(\(((?:[-/.\w]+:)?[-/.:@\"\w]+)\)\)", value))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from variables(key)
            yield from variables(item)
    elif isinstance(value, list):
        for item in value:
            yield from variables(item)
