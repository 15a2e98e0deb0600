"""The metrics that are known to exist, and those that an expression asks for."""

import re

from tests.support.recorder import ROOT

_FUNCTIONS_AND_WORDS = frozenset(
    [
        "abs",
        "absent",
        "and",
        "avg",
        "bool",
        "bottomk",
        "by",
        "ceil",
        "changes",
        "clamp_max",
        "clamp_min",
        "count",
        "count_values",
        "delta",
        "deriv",
        "floor",
        "group_left",
        "group_right",
        "histogram_quantile",
        "ignoring",
        "increase",
        "irate",
        "label_join",
        "label_replace",
        "max",
        "max_over_time",
        "min",
        "min_over_time",
        "offset",
        "on",
        "or",
        "quantile",
        "rate",
        "round",
        "scalar",
        "sort",
        "sort_desc",
        "sum",
        "sum_over_time",
        "time",
        "topk",
        "unless",
        "vector",
        "without",
        "inf",
        "nan",
    ]
)


def known():
    """Every name, those of a histogram's parts too."""
    found = set()
    for file in ("concourse-metrics.txt", "other-metrics.txt"):
        for line in (ROOT / "tests" / "data" / file).read_text().splitlines():
            if line and not line.startswith("#"):
                name, *words = line.split()
                found |= (
                    {f"{name}_{part}" for part in ("bucket", "sum", "count")}
                    if "histogram" in words
                    else {name}
                )
    return found


def asked_for(expression):
    """Names of metrics in PromQL."""
    bare = re.sub(r'"(\\.|[^"\\])*"', "", expression)
    bare = re.sub(r"\$\w+|\$\{\w+\}", "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w.])[A-Za-z_:][\w:]*", bare)
    return {word for word in words if word not in _FUNCTIONS_AND_WORDS}
