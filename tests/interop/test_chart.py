"""Our chart, read by Helm; what Helm makes of it, by the schemas of Kubernetes."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from oracles import ROOT, Oracle, OracleRefused, oracle

Proved = Callable[[Oracle, str], None]
CHART = str(ROOT / "deploy" / "helm" / "tuan")


@pytest.fixture(scope="session")
def helm() -> Oracle:
    return oracle("helm-python-sdk")


def rendered(helm: Oracle, **values: Any) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = helm.ask("render", chart=CHART, values=values)
    return resources


def test_helm_has_nothing_against_the_chart(helm: Oracle, proved: Proved) -> None:
    assert helm.ask("complaints", chart=CHART) == []
    proved(helm, "lints deploy/helm/tuan without a complaint")


def test_kubernetes_takes_every_resource(helm: Oracle, proved: Proved) -> None:
    resources = rendered(helm)

    kinds = Counter(one["kind"] for one in resources)
    assert kinds == {"Deployment": 5, "Service": 4, "Job": 2, "Ingress": 1}
    by_name = {one["metadata"]["name"]: one for one in resources if one["kind"] == "Deployment"}
    assert {name: one["spec"]["replicas"] for name, one in by_name.items()} == {
        "shop-market": 2,
        "shop-market-worker": 1,
        "shop-mall": 2,
        "shop-mall-worker": 1,
        "shop-nginx": 2,
    }
    proved(helm, f"renders {len(resources)} resources, each valid by Kubernetes' schemas")


def test_the_ingress_leads_to_the_world_s_door_alone(helm: Oracle) -> None:
    resources = rendered(helm)
    [ingress] = [one for one in resources if one["kind"] == "Ingress"]
    [path] = ingress["spec"]["rules"][0]["http"]["paths"]
    services = {one["metadata"]["name"]: one["spec"] for one in resources if one["kind"] == "Service"}

    assert path["backend"]["service"] == {"name": "shop-nginx", "port": {"number": 8080}}
    assert [port["port"] for port in services["shop-nginx"]["ports"]] == [8080]
    assert [port["port"] for port in services["shop-inner"]["ports"]] == [8081]


def test_stand_ins_come_only_when_asked_for(helm: Oracle) -> None:
    asked = rendered(helm, sandbox={"enabled": True}, ingress={"enabled": False})

    names = {one["metadata"]["name"] for one in asked}
    assert {"shop-sandbox", "shop-sandbox-worker", "shop-sandbox-migrate"} <= names
    assert "shop" not in names


def test_a_value_that_makes_no_sense_is_refused(helm: Oracle) -> None:
    with pytest.raises(OracleRefused):
        rendered(helm, market={"replicas": "many", "workers": 1})
