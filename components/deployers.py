"""Who deploys the stacks: an identity for each, which only this Concourse's jobs for it log in as."""

from collections.abc import Iterable, Iterator, Mapping

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pydantic import Field

from components.groups import Place
from components.identity import federated
from components.model import ArmId, Check, ConcourseName, Guid, Model, Problem
from components.roles import Role

PIPELINES = ("environment", "drift")
"""Pipelines that there is one of for each stack, with the stack as their instance variable."""
MOST_JOBS = 20 - len(PIPELINES)
"""Entra takes 20 credentials of an identity."""


class DeployerSettings(Model):
    """The deployer of one stack."""

    stack: ConcourseName = Field(examples=["staging"])
    """The stack. Only its own pipelines log in as its deployer, and the jobs below."""
    subscription_id: Guid
    """The stack's subscription: all that its deployer can change, beside the state."""
    jobs: tuple[ConcourseName, ...] = Field(
        default=(), max_length=MOST_JOBS, examples=[["plan-release", "release"]]
    )
    """Jobs of pipeline `platform` that are for this stack."""


class DeployersSettings(Model):
    """The deployers of all stacks. On the stack whose Concourse deploys the others, and nowhere else."""

    state_container: ArmId
    """Where Pulumi's state is. Of bootstrap/: `pulumi -C bootstrap stack output container`."""
    state_key: ArmId
    """The key that secrets in it are encrypted by. Of bootstrap/ as well: `… stack output key`."""
    team: ConcourseName = "main"
    """The Concourse team that the pipelines are in."""
    stacks: tuple[DeployerSettings, ...] = Field(min_length=1, examples=[[]])
    """Each stack that has a deployer."""

    def checks(self) -> Iterable[Check]:
        return (self._once_each,)

    def _once_each(self) -> Iterator[Problem]:
        stacks: set[str] = set()
        jobs: dict[str, str] = {}
        for index, each in enumerate(self.stacks):
            if each.stack in stacks:
                yield Problem(f"stacks[{index}].stack", f"{each.stack} is there already; name each once")
            for job in each.jobs:
                if job in jobs:
                    text = f"{job} is for {jobs[job]} already; a job deploys one stack"
                    yield Problem(f"stacks[{index}].jobs", text)
                jobs[job] = each.stack
            stacks.add(each.stack)


def subjects(team: str, deployer: DeployerSettings) -> dict[str, str]:
    """How the tokens of a stack's builds call themselves (atc/creds/idtoken, generateSubject), by a name."""
    own = {pipeline: f"{team}/{pipeline}/stack:{deployer.stack}" for pipeline in PIPELINES}
    # A pipeline without instance variables has an empty part where they would be.
    return own | {f"job-{job}": f"{team}/platform//{job}" for job in deployer.jobs}


class Deployers(ComponentResource):
    """Identities without passwords, with what they may do."""

    client_ids: Mapping[str, Output[str]]
    """By stack, for pipelines/vars/platform.yml; known once the stack's jobs can log in and do it."""

    def __init__(
        self,
        name: str,
        settings: DeployersSettings,
        *,
        place: Place,
        issuer: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`issuer` is this Concourse's address, as its tokens name it: without a last slash."""
        super().__init__("platform:index:Deployers", name, None, opts)
        self.client_ids = {
            each.stack: self._deployer(each, settings, place=place, issuer=issuer) for each in settings.stacks
        }
        self.register_outputs({"clientIds": dict(self.client_ids)})

    def _deployer(
        self, deployer: DeployerSettings, settings: DeployersSettings, *, place: Place, issuer: Input[str]
    ) -> Output[str]:
        subscription = f"/subscriptions/{deployer.subscription_id}"
        return federated(
            f"deployer-{deployer.stack}",
            place=place,
            issuer=issuer,
            subjects=subjects(settings.team, deployer),
            roles={
                Role.CONTRIBUTOR: subscription,
                # The platform gives roles to its own identities.
                Role.ROLE_BASED_ACCESS_CONTROL_ADMINISTRATOR: subscription,
                Role.STORAGE_BLOB_DATA_CONTRIBUTOR: settings.state_container,
                Role.KEY_VAULT_CRYPTO_USER: settings.state_key,
            },
            parent=self,
        )
