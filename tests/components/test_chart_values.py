"""Values of Helm releases against what each chart knows: a chart takes a misspelled key without a word."""

import tarfile

import pytest

from components.kubernetes.charts import CHARTS, name_of
from rehearsal.chart_values import FOLDER, known_keys, problems, unknown_keys
from tests.support.recorder import RELEASE, STACKS, revealed
from tools import chart_keys

CHART = {
    "Chart.yaml": "name: sample\nversion: 1.2.3\ndependencies: [{name: inner, alias: other}]",
    "values.yaml": """
        replicas: 1
        image: {repository: a, tag: b}
        nothing:
        labels: {a: b}
        podLabels: {a: b}
        whole: {a: b}
        looped: {a: b}
        dumped: {a: b}
        program.conf: {a: b}
        web:
          port: 80
          # host: shown in a comment
          # see: the documentation
          hosts: []
            # - name: a list's item
          script: |
            not_a_key:
              # port: nor this
        other: {}
        """,
    "crds/sample.io_things.yaml": "kind: CustomResourceDefinition",
    "crds/kustomization.yaml": "kind: Kustomization",
    "templates/all.yaml": """
        {{ .Values.replicas }} {{ .Values.image.digest }} {{ $.Values.hidden }} host name port see_also
        {{- toYaml .Values.whole | nindent 2 }}
        {{- range $k, $v := .Values.looped }}{{ $k }}{{ end }}
        {{- with .Values.dumped }}
          {{- toYaml . | nindent 4 }}{{ end }}
        {{ index .Values "program.conf" "key" }}
        """,
    "charts/inner/Chart.yaml": "{name: inner, version: 0.0.1}",
    "charts/inner/values.yaml": "{deep: 1, strict: {}, named: {}, list: [], loose: {}}",
    "charts/inner/values.schema.json": """{"$defs": {"strict":
        {"type": "object", "properties": {"only": {"type": "string"}}, "additionalProperties": false}},
        "properties": {
            "strict": {"$ref": "#/$defs/strict"},
            "loose": {"type": "object"},
            "named": {"type": "object", "additionalProperties": {"$ref": "#/$defs/strict"}},
            "list": {"type": "array", "items": {"$ref": "#/$defs/strict"}}}}""",
}
KNOWN = """
dumped.*
hidden.*
image.digest.*
image.repository
image.tag
labels.*
looped.*
nothing.*
other.deep
other.list[].only
other.loose.*
other.named.*.only
other.strict.only
podLabels.*
"program.conf".a
"program.conf".key.*
replicas
web.host.*
web.hosts[]
web.port
web.script
whole.*
"""


@pytest.fixture
def package(tmp_path):
    """A packaged chart with a little of everything."""
    for path, content in CHART.items():
        file = tmp_path / "sample" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = content.splitlines()
        file.write_text("\n".join(line.removeprefix(" " * 8) for line in lines) + "\n")
    with tarfile.open(tmp_path / "sample-1.2.3.tgz", "w:gz") as archive:
        archive.add(tmp_path / "sample", "sample")
    return tmp_path / "sample-1.2.3.tgz"


def test_keys_come_from_values_schema_templates_and_comments(package, monkeypatch, tmp_path):
    monkeypatch.setattr(chart_keys, "KEYS", tmp_path / "keys")
    assert chart_keys.main([str(package.parent)]) == 0
    version, *lines = (tmp_path / "keys" / "sample.keys").read_text().splitlines()
    assert version == "# 1.2.3"
    assert sorted(lines) == sorted(KNOWN.split())
    version, kind = (tmp_path / "keys" / "sample.crds").read_text().splitlines()
    assert (version, kind.split()[0]) == ("# 1.2.3", "sample.io_things")


def test_a_folder_without_charts_is_told(tmp_path, capsys):
    assert chart_keys.main([str(tmp_path)]) == 2
    assert "holds no packaged chart" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        ({"replicas": 3, "image": {"tag": "c"}}, []),
        ({"replica": 3}, ["replica"]),
        ({"image": {"tags": "c", "repository": "d"}}, ["image.tags"]),
        ({"replicas": {"web": 3}}, ["replicas.web"]),
        ({"labels": {"any": {"thing": 1}}, "nothing": {"at": "all"}}, []),
        ({"web": {"hosts": ["a", {"any": "thing"}], "host": "h"}}, []),
        ({"web": None}, []),
        ({"program.conf": {"a": 1, "b": 2}}, ["program.conf.b"]),
        ({"other": {"named": {"mine": {"only": 1, "more": 2}}}}, ["other.named.mine.more"]),
        ({"other": {"list": [{"only": 1}, {"more": 2}], "x": 1}}, ["other.list[].more", "other.x"]),
    ],
)
def test_what_a_chart_does_not_know_is_found(values, unknown):
    assert unknown_keys(values, KNOWN.split()) == unknown


@pytest.mark.parametrize(
    ("chart", "values", "unknown"),
    [
        ("concourse", {"concourse": {"web": {"externalURL": "https://ci"}}}, ["concourse.web.externalURL"]),
        ("vault", {"server": {"ha": {"replica": 3}}}, ["server.ha.replica"]),
        (
            "kube-prometheus-stack",
            {"grafana": {"replica": 1, "grafana.ini": {"server": {}}}, "prometheus": {"spec": {}}},
            ["grafana.replica", "prometheus.spec"],
        ),
        ("traefik", {"ports": {"web": {"redirectTo": "websecure"}}}, ["ports.web.redirectTo"]),
    ],
)
def test_the_lists_of_the_real_charts_find_a_planted_error(chart, values, unknown):
    keys = known_keys(chart, CHARTS[chart].version)
    assert unknown_keys(values, keys) == unknown


@pytest.mark.parametrize(("version", "judged"), [(CHARTS["traefik"].version, True), ("99.0.0", False)])
def test_a_rehearsal_judges_a_version_whose_list_is_there_and_no_other(version, judged):
    """A newer one that a stack tries may know more."""
    release = {"chart": "traefik", "version": version, "values": {"replica": 1}}
    assert [path for path, _ in problems(release)] == ["values.replica"] * judged


def test_each_pinned_chart_has_a_list_of_its_version_and_no_other_chart_has_one():
    for chart in CHARTS.values():
        remedy = (
            f"get {chart.name}-{chart.version}.tgz with helm pull, and run make generate CHARTS=its-folder"
        )
        assert known_keys(chart.name, chart.version), remedy
    assert {file.stem for file in FOLDER.glob("*.keys")} == set(CHARTS)


OF_ANOTHER_PRODUCT = ("hub.traefik.io",)
"""Groups of CRDs in a chart's `crds/` that nothing here reads."""


@pytest.mark.parametrize("chart", CHARTS)
def test_a_job_applies_the_crds_that_helm_never_upgrades(run_stack, chart):
    """A Traefik without one of its kinds serves no route (traefik-helm-chart#359, #482, #1061)."""
    file = FOLDER / f"{chart}.crds"
    version, *lines = file.read_text().splitlines() if file.exists() else [f"# {CHARTS[chart].version}"]
    assert version == f"# {CHARTS[chart].version}", "run make generate CHARTS=FOLDER"
    names = [line.split()[0].rpartition("_") for line in lines]
    there = {f"{plural}.{group}" for group, _, plural in names if group not in OF_ANOTHER_PRODUCT}
    stack = run_stack("prod")
    releases = [each for each in stack.of_type(RELEASE) if chart_of(each.inputs)[0] == chart]
    assert {bool(each.inputs.get("skipCrds")) for each in releases} == {bool(there)}
    applied = [
        variables
        for job in stack.of_type("kubernetes:batch/v1:Job")
        for container in revealed(job.inputs)["spec"]["template"]["spec"]["containers"]
        if (variables := {one["name"]: one.get("value") for one in container.get("env", ())}).get("CHART")
        == chart
    ]
    assert [(set(each["CRDS"].split()), each["VERSION"]) for each in applied] == (
        [(there, CHARTS[chart].version)] if there else []
    )


def test_the_release_waits_for_its_crds(run_stack):
    stack = run_stack("prod")
    [job] = [each for each in stack.of_type("kubernetes:batch/v1:Job") if each.name == "traefik-crds"]
    assert job.urn in stack.named(RELEASE)["traefik"].options["dependencies"]


def chart_of(inputs):
    return name_of(inputs["chart"], inputs["version"]), inputs["version"]


@pytest.mark.parametrize("stack", STACKS)
def test_every_value_of_every_release_is_known_to_its_chart(stack, run_stack):
    releases = run_stack(stack).of_type(RELEASE)
    if not releases:
        pytest.skip("the program installs no chart yet")
    unknown = {
        release.name: unknown_keys(revealed(release.inputs["values"]), keys)
        for release in releases
        if (keys := known_keys(*chart_of(release.inputs)))
    }
    assert not {name: paths for name, paths in unknown.items() if paths}
