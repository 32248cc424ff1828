"""The OpenAPI document, and a started server held against it by schemathesis."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_pydantic import OpenAPI

from cabinet.api import GROUPS
from cabinet.api.openapi import document
from cabinet.api.problems import all_of_them
from cabinet.refusals import LANGUAGES
from invoicing import Refusal
from tests.cabinet.web import PASSWORD, Api
from tests.conftest import Start
from tests.served import MERCHANT, Served

CONFIG = Path(__file__).with_name("schemathesis.toml")
ENDS_THE_SESSION = "/(session|devices|me/password)$"


async def test_the_document_is_openapi_3_1_and_names_every_call_once(api: Api) -> None:
    answer = await api.get("/openapi.json")

    made = OpenAPI.model_validate(answer.body)
    assert made.openapi == "3.1.1"
    names = [
        operation["operationId"] for path in answer.body["paths"].values() for operation in path.values()
    ]
    assert len(names) == len(set(names)) == sum(len(group.listed) for group in GROUPS)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    made = document(GROUPS)
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(made)))

    assert references <= set(made["components"]["schemas"])
    assert "allowEmptyValue" not in json.dumps(made)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_status_words_and_a_mend_in_each_language(language: str) -> None:
    listed = {one["code"]: one for one in all_of_them(language)}

    assert set(Refusal) <= set(listed)
    assert all(one["title"] and one["mend"] and 400 <= one["status"] < 600 for one in listed.values())


async def test_every_code_that_a_call_declares_is_in_the_list_of_problems(api: Api) -> None:
    known = {one["code"] for one in (await api.get("/problems")).body["problems"]}

    declared = {reason for group in GROUPS for route in group.listed for reason in route.reasons}
    assert declared <= known


def sign_up(served: Served, password: str = PASSWORD) -> str:
    """A token of the demo's merchant, as a person gets it."""

    def post(path: str, body: dict[str, Any]) -> Any:
        status, text = served.request(
            f"/api/v1{path}", json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        assert status < 300, text
        return json.loads(text)

    ref = post("/signin/code", {"phone": MERCHANT})["ref"]
    found = re.search(r"\d{6}", served.inbox(MERCHANT)[-1]["text"])
    assert found
    grant = post("/signin/code/check", {"phone": MERCHANT, "ref": ref, "code": found[0]})["grant"]
    return str(post("/signin/password", {"grant": grant, "password": password})["token"])


@pytest.mark.timeout(300)
def test_schemathesis_finds_no_failure_in_a_started_server(start_demo: Start, tmp_path: Path) -> None:
    served = start_demo(env={"USSD_CABINET__CALLS_A_MINUTE": "1000000"})
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(CONFIG), "run", f"{served.url}/api/v1/openapi.json"),
        *("-H", f"Authorization: Bearer {sign_up(served)}"),
        *("--exclude-path-regex", ENDS_THE_SESSION, "--exclude-operation-id", "end_device"),
        *("--max-examples", "8", "--seed", "880", "--no-color"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=tmp_path, check=False)

    assert done.returncode == 0, done.stdout
    assert re.search(r"[0-9]{3,} generated, [0-9]{3,} passed", done.stdout), done.stdout
    assert "a call of the API failed" not in served.logged()
