"""The dashboard and the alerts ask for what a served process tells, and Prometheus understands them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.served import CUSTOMER, MERCHANT, PIN, launch

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "ussd.json"
METRIC = re.compile(r"\b(?:ussd_[a-z_]+|up)\b(?=[{\[)\s>=]|$)")
LABELLED = re.compile(r"\b(ussd_[a-z_]+)\{([^}]*)\}")
BY = re.compile(r"\bby \(([^)]*)\)")
SCRAPED = re.compile(r"^(ussd_[a-z_]+)(?:\{(.*)\})? ", re.MULTILINE)
OF_PROMETHEUS = {"up", "job", "instance", "alertname", "le"}
PANELS = {
    "Turns a second", "p99 of a turn", "How long turns take", "Ends of dialogues a second, by cause",
    "Line state", "Age of the oldest notice", "Undecided payments, by kind and state", "Reversals not done",
    "Session store errors a second", "Audit chain", "Chores",
}  # fmt: skip
ASKED_FOR = {
    "OutboxOld", "PaymentsUnknown", "LineDown", "TurnsFail", "TurnsSlow", "LeaseWithoutHolder", "AuditBroken",
}  # fmt: skip


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Where each query stands, and the query."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in alerts():
        yield rule["alert"], rule["expr"]
        yield rule["alert"], " ".join(re.findall(r"ussd_[a-z_]+", str(rule["annotations"])))


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every metric of a served process that had turns, a refusal, an SMPP line that is down: its labels."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "ussd.toml").write_text(
        '[[gateways]]\nname = "africastalking"\nkind = "africastalking"\n'
        '[[gateways]]\nname = "smsc1"\nkind = "smpp"\nhost = "127.0.0.1"\nport = 1\n'
        'system_id = "ussd"\npassword = "secret"\n',
        encoding="utf-8",
    )
    arguments = ("demo", "--headless", "--port", "0", "--data", str(folder / "data"))
    served = launch((*arguments, "--config", str(folder / "ussd.toml")), folder / "log", None, folder)
    try:
        served.wait_until_ready()
        served.caller(MERCHANT).dial("*880**0*901234567*50000#")
        served.caller(CUSTOMER).dial("*880#", "1", "1", "1", PIN)
        served.request("/gateways/africastalking", b"nothing")
        wanted = {name for _, query in queries() for name in METRIC.findall(query)} - OF_PROMETHEUS
        for _ in range(100):
            found: dict[str, set[str]] = {}
            for name, labels in SCRAPED.findall(served.request("/metrics")[1]):
                found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
            if wanted <= found.keys():
                break
            time.sleep(0.2)
        return found
    finally:
        served.end()


def test_every_metric_and_label_that_is_asked_for_is_told_by_a_served_process(
    scraped: dict[str, set[str]],
) -> None:
    asked = 0
    for where, query in queries():
        names = set(METRIC.findall(query)) - OF_PROMETHEUS
        asked += len(names)
        assert names <= scraped.keys(), f"{where}: {names - scraped.keys()}"
        labels = {label for name in names for label in scraped[name]} | OF_PROMETHEUS
        for name, conditions in LABELLED.findall(query):
            assert set(re.findall(r"(\w+)\s*[=!]", conditions)) <= scraped[name] | OF_PROMETHEUS, (
                f"{where}: {name}"
            )
        for by in BY.findall(query):
            assert {label.strip() for label in by.split(",")} <= labels, f"{where}: by ({by})"
    assert asked > 40


def test_no_phone_is_in_any_label(scraped: dict[str, set[str]]) -> None:
    known = {"gateway", "outcome", "action", "result", "kind", "state", "cause", "version", "worker", "le"}

    assert {label for labels in scraped.values() for label in labels} <= known


def test_the_panels_and_alerts_that_operators_need_are_there() -> None:
    assert {panel["title"] for panel in panels()} >= PANELS
    assert {rule["alert"] for rule in alerts()} >= ASKED_FOR
    assert all(rule["annotations"]["mend"] for rule in alerts())


def test_the_dashboard_is_laid_out_without_gaps_of_sense() -> None:
    taken: dict[tuple[int, int], str] = {}
    ids = [panel["id"] for panel in dashboard()["panels"]]
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]
    variables = {one["name"] for one in dashboard()["templating"]["list"]}

    assert len(set(ids)) == len(ids)
    assert variables == {"source", "gateway"}
    for panel in panels():
        assert panel["datasource"]["uid"] == "${source}"
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"]) or panel["type"] == "stat"


def promtool(*arguments: str | Path) -> str:
    program = shutil.which("promtool")
    assert program, "promtool is missing; as root: apt-get install -y --no-install-recommends prometheus"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_prometheus_takes_the_rules_and_the_settings() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "--lint-fatal", ALERTS)
    promtool("check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, (_, query) in enumerate(
            (panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]
        )
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"{len(rules)} rules found" in promtool("check", "rules", tmp_path / "rules.yml")


def test_each_alert_fires_where_it_should_and_none_on_a_quiet_day(tmp_path: Path) -> None:
    tests = DEPLOY / "prometheus" / "alerts_test.yml"
    quiet, wrong, *_ = yaml.safe_load(tests.read_text(encoding="utf-8"))["tests"]
    named = {one["alertname"] for one in quiet["alert_rule_test"]}
    fired = {sample["labels"] for sample in wrong["promql_expr_test"][0]["exp_samples"]}

    assert "SUCCESS" in promtool("test", "rules", tests)
    assert named == {rule["alert"] for rule in alerts()}
    assert fired == {
        f'{{alertname="{name}"}}' for name in named - {"LeaseHeldTwice"}
    }  # the opposite of another


def test_what_grafana_is_provisioned_with_fits_together() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    provider = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yaml").read_text())["providers"][0]
    source = yaml.safe_load((DEPLOY / "grafana" / "datasources.yaml").read_text())["datasources"][0]
    mounted = [volume.split(":")[1] for volume in compose["services"]["grafana"]["volumes"]]

    assert f"{provider['options']['path']}/ussd.json" in mounted
    assert source["url"].removeprefix("http://").partition(":")[0] in compose["services"]
