"""Azure resource IDs that are not known yet, and the names in them."""

from pulumi import Input, Output

from components.azure.catalog import arm_segment


class ArmId:
    """A resource's ID, and the names in it.

    When a tag of a resource changes, a preview still knows the resource's ID, but not its other outputs.
    Whatever takes names from the ID instead of the outputs shows no change.
    """

    def __init__(self, id_: Input[str]) -> None:
        self.id = Output.from_input(id_)

    def __getitem__(self, segment: str) -> Output[str]:
        """The name after a segment: `ArmId(cluster.id)["managedClusters"]`."""
        return self.id.apply(lambda id_: arm_segment(id_, segment))

    @property
    def name(self) -> Output[str]:
        """The resource's own name: the last segment."""
        return self.id.apply(lambda id_: id_.rpartition("/")[2])

    @property
    def resource_group(self) -> Output[str]:
        return self["resourceGroups"]

    @property
    def subscription(self) -> Output[str]:
        return self["subscriptions"]
