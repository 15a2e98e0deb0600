"""Creates the state backend for all stacks, before the first of them is deployed."""

import sys
from pathlib import Path

import pulumi
import pulumi_azure_native as azure

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from components.azure import AzureContext, StateBackend
from components.azure.settings import StateSettings, TagSettings, azure_tags
from components.config.messages import read

settings, problems = read(StateSettings, pulumi.Config().require_object("state"), prefix="state.")
if problems:
    raise pulumi.RunError("\n".join(f"{problem.key}: {problem.text}" for problem in problems))

provider = azure.Provider(
    "azure",
    subscription_id=settings.subscription_id,
    tenant_id=settings.tenant_id,
    location=settings.location,
)
tags = azure_tags(TagSettings(owner=settings.owner, cost_center=settings.cost_center), environment="all")
group = azure.resources.ResourceGroup(
    "state",
    location=settings.location,
    tags=tags,
    opts=pulumi.ResourceOptions(provider=provider, protect=True, retain_on_delete=True),
)
state = StateBackend(
    "state",
    settings,
    context=AzureContext(group.name, settings.location, tags, protected=True),
    opts=pulumi.ResourceOptions(providers=[provider]),
)

pulumi.export("backend", state.backend)
pulumi.export("secretsProvider", state.secrets_provider)
pulumi.export("container", state.container)
pulumi.export("key", state.key)
