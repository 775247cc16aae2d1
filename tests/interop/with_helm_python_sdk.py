"""Asked in the environment of helm-python-sdk: what Helm makes of our chart, and if Kubernetes takes it."""

import json
import sys
from typing import Any

import kubernetes_validate
import yaml
from helm_python.chart import Chart, lint


def complaints(chart: str) -> list[str]:
    """Of `helm lint --strict`, beyond what it only recommends."""
    report = lint(chart, strict=True)
    return [*report["errors"], *(one["error"] for one in report["messages"] if one["severity"] > 1)]


def render(chart: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Each resource, after Kubernetes' own schema has taken it, without a field it does not know."""
    found = []
    for text in Chart.load(chart).render(values, name="shop").values():
        for resource in filter(None, yaml.safe_load_all(text)):
            kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
            found.append(resource)
    return found


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(globals()[question["act"]](**question["asked"]), sys.stdout)
