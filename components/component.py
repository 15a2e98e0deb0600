"""The base of every component, and the helper that orders values after resources."""

from typing import Any, TypeVar, overload

from pulumi import ComponentResource, Input, Output, ResourceOptions

T = TypeVar("T")


class Component(ComponentResource):
    """A component whose type is `platform:index:<class name>`."""

    child: ResourceOptions
    """Options of the component's own resources: it is their parent."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"platform:index:{type(self).__name__}", name, None, opts)
        self.child = ResourceOptions(parent=self)


@overload
def after(value: Output[T], *resources: Input[Any]) -> Output[T]: ...
@overload
def after(value: Input[T], *resources: Input[Any]) -> Output[T]: ...
def after(value: Input[T], *resources: Input[Any]) -> Output[T]:
    """`value`, resolved once `resources` exist. It stays known in the preview of an update.

    Pass a resource's `id` or `metadata.name`: other outputs are unknown in such a preview.
    """
    resolved: Output[T] = Output.all(value, *resources).apply(lambda values: values[0])
    return resolved
