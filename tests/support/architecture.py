"""Draws docs/architecture.svg: the layers that a program registers, and the components in each."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from components import layers
from components.entra import Entra

PICTURE = Path(__file__).parents[2] / "docs" / "architecture.svg"
CLASSES = {each.__name__: each for each in (*(getattr(layers, name) for name in layers.__all__), Entra)}
TYPE = "platform:index:"
WIDTH, MARGIN, PER_ROW, BOX, BOX_HEIGHT, GAP, HEAD = 1000, 20, 6, 147, 40, 10, 62


class Resource(Protocol):
    """A resource as a program registered it."""

    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


class Layer(NamedTuple):
    """A component at the top of the stack."""

    type: str
    components: list[tuple[str, str]]
    """Type and name of each component in it."""
    needs: set[str]
    """Layers whose resources its own depend on."""


def layers_of(resources: Iterable[Resource]) -> list[Layer]:
    """All layers; each comes after those that it needs."""
    by_urn = {each.urn: each for each in resources}

    def ancestors(urn: str) -> list[Resource]:
        found = []
        while urn in by_urn:
            found.append(by_urn[urn])
            urn = by_urn[urn].options.get("parent", "")
        return [each for each in reversed(found) if each.type.startswith(TYPE)]

    found: dict[str, Layer] = {}
    for urn, resource in by_urn.items():
        match ancestors(urn):
            case [top, *below]:
                layer = found.setdefault(top.urn, Layer(top.type.removeprefix(TYPE), [], set()))
                if resource.type.startswith(TYPE) and len(below) == 1:
                    layer.components.append((resource.type.removeprefix(TYPE), resource.name))
                tops = {
                    ancestors(each)[0].type
                    for each in resource.options.get("dependencies", ())
                    if ancestors(each)
                }
                layer.needs.update(each.removeprefix(TYPE) for each in tops)
    for layer in found.values():
        layer.components.sort()
        layer.needs.discard(layer.type)
    return sorted(found.values(), key=lambda layer: (len(layer.needs), layer.type))


def draw(resources: Iterable[Resource]) -> str:
    """The picture as SVG."""
    top = MARGIN
    parts: list[str] = []
    for layer in layers_of(resources):
        rows = -(-len(layer.components) // PER_ROW)
        height = HEAD + rows * (BOX_HEIGHT + GAP)
        parts.extend(_band(layer, top, height))
        top += height + GAP
    size = f'width="{WIDTH}" height="{top + GAP}" viewBox="0 0 {WIDTH} {top + GAP}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *parts, "</svg>", ""])


def _band(layer: Layer, top: int, height: int) -> Iterator[str]:
    about = (CLASSES[layer.type].__doc__ or "").partition("\n")[0]
    needs = f"needs {', '.join(sorted(layer.needs))}" if layer.needs else ""
    yield _rectangle((MARGIN, top), (WIDTH - 2 * MARGIN, height), "#eef3fb", "#5b7db1")
    yield _text(MARGIN + 12, top + 22, layer.type, "font-size='16' font-weight='bold'")
    yield _text(MARGIN + 12, top + 44, about)
    yield _text(WIDTH - MARGIN - 12, top + 22, needs, "text-anchor='end' fill='#5b7db1'")
    for index, (type_, name) in enumerate(layer.components):
        left = MARGIN + 12 + (index % PER_ROW) * (BOX + GAP)
        upper = top + HEAD - 6 + (index // PER_ROW) * (BOX_HEIGHT + GAP)
        yield _rectangle((left, upper), (BOX, BOX_HEIGHT), "#ffffff", "#9db2d3")
        yield _text(left + 8, upper + 17, type_)
        yield _text(left + 8, upper + 33, name, "font-size='11' fill='#666666'")


def _rectangle(corner: tuple[int, int], size: tuple[int, int], fill: str, stroke: str) -> str:
    where = 'x="{}" y="{}" width="{}" height="{}"'.format(*corner, *size)
    return f'<rect {where} rx="4" fill="{fill}" stroke="{stroke}"/>'


def _text(left: int, base: int, text: str, how: str = "") -> str:
    return f'<text x="{left}" y="{base}" {how}>{escape(text)}</text>'
