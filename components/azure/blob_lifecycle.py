"""Lifecycle policy for deleting old blobs and blob versions."""

import pulumi_azure_native as az
from pulumi import Input, Resource, ResourceOptions


def lifecycle_policy(
    name: str,
    *,
    group: Input[str],
    account: Input[str],
    version_days: int,
    blob_days: int | None,
    parent: Resource,
) -> "az.storage.ManagementPolicy":
    """Delete blob versions after `version_days` and, if `blob_days` is set, the blobs themselves.

    Without a policy, every version is kept and billed for ever.
    """
    after = az.storage.DateAfterCreationArgs
    blobs = az.storage.ManagementPolicyBaseBlobArgs(
        delete=az.storage.DateAfterModificationArgs(days_after_modification_greater_than=blob_days)
    )
    return az.storage.ManagementPolicy(
        name,
        management_policy_name="default",  # the only name that Azure accepts
        resource_group_name=group,
        account_name=account,
        policy=az.storage.ManagementPolicySchemaArgs(
            rules=[
                az.storage.ManagementPolicyRuleArgs(
                    name="old",
                    enabled=True,
                    type="Lifecycle",
                    definition=az.storage.ManagementPolicyDefinitionArgs(
                        filters=az.storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"]),
                        actions=az.storage.ManagementPolicyActionArgs(
                            base_blob=blobs if blob_days else None,
                            version=az.storage.ManagementPolicyVersionArgs(
                                delete=after(days_after_creation_greater_than=version_days)
                            ),
                        ),
                    ),
                )
            ]
        ),
        opts=ResourceOptions(parent=parent),
    )
