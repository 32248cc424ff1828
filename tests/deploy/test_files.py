"""Container, compose file, manifests and units: judged by tools that know them, and against the program."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compose_spec
import kubernetes_validate
import pytest
import yaml

from app.configuring import load
from tests.served import run_ussd

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.stem != "kustomization")
UNITS = sorted((DEPLOY / "systemd").iterdir())
BIN = Path(sys.executable).parent
SECRETS = {"USSD_SECURITY__KEY": "a-long-random-text-for-tests", "USSD_GATEWAYS__OPERATOR__SECRET": "s3cret"}


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env, timeout=100)


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE)
    return found


def resources() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each pod's specification."""
    for one in resources():
        if one["kind"] == "StatefulSet":
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        if one["kind"] == "CronJob":
            yield one["metadata"]["name"], one["spec"]["jobTemplate"]["spec"]["template"]["spec"]


# --- container ----------------------------------------------------------------------------------------------


def test_hadolint_finds_nothing_wrong_with_the_container() -> None:
    done = run(BIN / "hadolint", DEPLOY / "Containerfile")

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_image_runs_as_nobody_in_particular_and_tells_whether_it_answers() -> None:
    stages = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
    users = re.findall(r"^USER (\S+)", CONTAINERFILE, re.MULTILINE)

    assert stages == ["python:3.11-slim"] * 2
    assert users == ["10001:10001"]
    assert CONTAINERFILE.index("USER") > CONTAINERFILE.rindex("FROM")
    assert "HEALTHCHECK" in CONTAINERFILE
    assert "/healthz" in CONTAINERFILE


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build would see: the tree by git, without what the ignore file leaves out."""
    folder = tmp_path_factory.mktemp("context")
    lines = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    taken = [line[1:] for line in lines if line.startswith("!")]
    for name in taken:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / name)
    return folder


def test_what_is_built_from_the_context_is_a_program_with_its_menus(context: Path, tmp_path: Path) -> None:
    built = run(
        sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=context
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = "import app, sys; from app.cli import main; print(app.__file__, file=sys.stderr); main()"
    done = run(sys.executable, "-c", code, "check", cwd=elsewhere, PYTHONPATH=str(tmp_path / "site"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.startswith(str(tmp_path / "site"))
    assert list((tmp_path / "site" / "app" / "menus").glob("*.yaml"))


def test_no_secret_and_no_history_gets_into_the_build() -> None:
    lines = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    for private in (".git", ".data", ".env", "deploy", "tests"):
        assert not any(fnmatch.fnmatch(private, rule[1:]) for rule in rules if rule.startswith("!"))


# --- compose ------------------------------------------------------------------------------------------------


def test_the_compose_file_is_one_by_its_specification() -> None:
    read = compose_spec.PyCompose.from_json(json.dumps(compose()))
    read.validate()
    spoilt = compose()
    spoilt["services"]["redis"]["helthcheck"] = spoilt["services"]["redis"].pop("healthcheck")

    with pytest.raises(ValueError, match="helthcheck"):
        compose_spec.PyCompose.from_json(json.dumps(spoilt))


def test_what_services_mount_and_wait_for_is_there() -> None:
    services, volumes = compose()["services"], compose()["volumes"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= services.keys(), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in volumes, volume
        assert "/" not in service["image"].partition("/")[0].partition(":")[0]
        assert "." not in service["image"].partition("/")[0] or "/" not in service["image"], (
            "a registry's host"
        )


def test_engines_may_write_nowhere_but_into_their_data_and_hold_no_secret_of_ours() -> None:
    services = compose()["services"]
    for name in ("upgrade", "engine1", "engine2"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
        assert all(
            "${" in value
            for key, value in services[name]["environment"].items()
            if re.search("KEY|SECRET|DATABASE", key)
        )


def test_no_container_fills_the_disk_with_its_log() -> None:
    for name, service in compose()["services"].items():
        assert {"max-size", "max-file"} <= service["logging"]["options"].keys(), name


def test_the_settings_that_are_shipped_are_taken_with_the_secrets_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("USSD_")]:
        monkeypatch.delenv(name)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (config,) = (one for one in resources() if one["kind"] == "ConfigMap")
    (tmp_path / "ussd.toml").write_text(config["data"]["ussd.toml"], encoding="utf-8")
    for path in (DEPLOY / "ussd.toml", tmp_path / "ussd.toml"):
        settings = load(path)
        assert not settings.gateways["operator"].open
        assert not settings.http.loopback
    network = compose()["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert tomllib.loads((DEPLOY / "ussd.toml").read_text())["http"]["trusted_proxies"] == [network]


# --- Kubernetes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_each_manifest_is_what_kubernetes_takes(version: str) -> None:
    kinds = [one["kind"] for one in resources() if kubernetes_validate.validate(one, version, strict=True)]

    assert {
        "Namespace",
        "ConfigMap",
        "StatefulSet",
        "Service",
        "PodDisruptionBudget",
        "Ingress",
        "CronJob",
    } <= set(kinds)


def test_a_misspelt_field_of_a_manifest_would_be_noticed() -> None:
    (engine,) = (one for one in resources() if one["kind"] == "StatefulSet")
    engine["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(engine, "1.37", strict=True)


def test_the_kustomization_names_every_manifest() -> None:
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text(encoding="utf-8"))[
        "resources"
    ]

    assert sorted(listed) == [path.name for path in MANIFESTS]


def test_pods_keep_to_the_restricted_standard() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, which the namespace enforces."""
    for name, pod in templates():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert pod["automountServiceAccountToken"] is False
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            locked = container["securityContext"]
            assert locked["allowPrivilegeEscalation"] is False
            assert locked["readOnlyRootFilesystem"] is True
            assert locked["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= {"settings", "scratch", "data"}


def test_selectors_ports_and_claims_fit_together() -> None:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for one in resources():
        by_kind.setdefault(one["kind"], []).append(one)
        assert one["metadata"].get("namespace", "ussd") == "ussd"
    (engine,) = by_kind["StatefulSet"]
    labels = engine["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"] for port in engine["spec"]["template"]["spec"]["containers"][0]["ports"]}
    services = {one["metadata"]["name"]: one for one in by_kind["Service"]}

    assert engine["spec"]["serviceName"] in services
    assert all(one["spec"]["selector"] == labels for one in services.values())
    assert all(port["targetPort"] in ports for one in services.values() for port in one["spec"]["ports"])
    for rule in by_kind["Ingress"][0]["spec"]["rules"]:
        paths = [path["path"] for path in rule["http"]["paths"]]
        assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} <= services.keys()
        assert not {"/", "/metrics", "/readyz", "/healthz"} & set(paths)


# --- systemd ------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with the program of this machine in place of the installed one."""
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/ussd/bin/", f"{BIN}/")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


def test_systemd_takes_the_units(installed: Path) -> None:
    done = run("systemd-analyze", "verify", "--man=no", *sorted(installed.iterdir()))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_service_is_shut_in_as_well_as_it_can_be(installed: Path) -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", installed / "ussd.service")

    assert done.returncode == 0, done.stdout[-200:]


# --- all of them --------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, ...]]:
    """Every call of the program that is deployed."""
    for service in ("upgrade", "engine1", "engine2"):
        yield tuple(compose()["services"][service]["command"])
    for _, pod in templates():
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            yield tuple(container["args"])
    for unit in UNITS:
        for line in re.findall(
            r"^Exec\w+=/opt/ussd/bin/ussd (.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield tuple(line.split())
    yield tuple(json.loads(re.findall(r"^CMD (.*)$", CONTAINERFILE, re.MULTILINE)[0]))


def test_every_command_that_is_deployed_is_one_of_the_programs() -> None:
    helped: dict[tuple[str, ...], str] = {}
    called = 0
    for command in commands():
        words = tuple(word for word in command[:2] if not word.startswith("-"))
        if words not in helped:
            done = run_ussd(*words, "--help")
            assert done.returncode == 0, done.stderr
            helped[words] = done.stdout
        for option in (word for word in command if word.startswith("--")):
            assert f" {option} " in helped[words], command
        called += 1
    assert called >= 8


def test_nothing_that_is_deployed_names_a_registry_or_a_key() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\b(docker\.io|quay\.io|ghcr\.io|pypi\.org|[0-9a-f]{40,})\b", text), path
