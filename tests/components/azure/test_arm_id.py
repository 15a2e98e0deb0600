"""Names in resource IDs."""

from pulumi import Output

from components.azure.arm_id import ArmId

KEY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/keys/k"


def test_names_come_from_the_id(run):
    found = []

    def program():
        key = ArmId(Output.from_input(KEY))
        Output.all(key.subscription, key.resource_group, key["vaults"], key.name).apply(found.extend)

    run(program)
    assert found == ["s", "g", "v", "k"]
