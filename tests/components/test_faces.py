"""Packages are imported by their faces."""

import ast

import pytest

from tests.support.recorder import ROOT

DOMAINS = (
    "azure", "entra", "certificates", "ingress", "vault", "monitoring", "logging", "concourse", "releases",
)  # fmt: skip
OPEN = {
    "components.azure.arm_id",
    "components.azure.catalog",
    "components.azure.identity",
    "components.azure.passing_errors",
    "components.azure.postgres.maintenance_window",
    "components.monitoring.alert_rules",
}
"""Modules that other packages import directly."""


def imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("domain", DOMAINS)
def test_other_code_imports_a_package_by_its_face_or_its_settings(domain):
    package = ROOT / "components" / domain
    faces = {".".join(face.parent.relative_to(ROOT).parts) for face in package.rglob("__init__.py")}
    if domain == "releases":  # each module is a release, and its own face
        faces |= {f"components.releases.{module.stem}" for module in package.glob("*.py")}
    sources = [ROOT / "__main__.py"]
    for folder in ("components", "deploy", "rehearsal", "policy", "bootstrap", "tools"):
        sources += (ROOT / folder).rglob("*.py")
    found = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in sources
        if package not in file.parents
        for module in imports(file)
        if module.startswith(f"components.{domain}.")
        and module not in faces | OPEN
        and not module.endswith("settings")
    }
    assert not found


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_face_has_about_ten_names(domain):
    for face in (ROOT / "components" / domain).rglob("__init__.py"):
        names = [node for node in ast.walk(ast.parse(face.read_text())) if isinstance(node, ast.alias)]
        assert len(names) <= 12, face.relative_to(ROOT)
