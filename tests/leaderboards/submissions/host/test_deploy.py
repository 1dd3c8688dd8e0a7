"""`deploy/` cannot be started here; what can be read of it fits together."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.cli import host, verify
from leapbench.leaderboards.submissions.store.postgres import parsed

DEPLOY = Path(__file__).parents[4] / "deploy"
COMMANDS = {"host": host.command, "verify": verify.command}


def test_the_services_fit_together(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = found["services"]
    assert services.keys() == {"database", "host", "worker"}
    assert (DEPLOY / services["host"]["build"]["context"]).resolve() == DEPLOY.parent
    assert (DEPLOY.parent / services["host"]["build"]["dockerfile"]).is_file()
    for service in services.values():
        assert {each.partition(":")[0] for each in service["volumes"]} <= found["volumes"].keys()
        assert set(service["networks"]) <= found["networks"].keys()
        for other in service.get("depends_on", ()):
            assert "healthcheck" in services[other]
    assert found["networks"]["inside"]["internal"]
    assert "ports" not in services["database"]


def test_what_the_services_type_is_understood(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for service in ("host", "worker"):
        name, *words = services[service]["command"]
        words[words.index("/board")] = str(tmp_path)
        chosen = COMMANDS[name].make_context(name, words).params
        assert chosen["worker" if name == "verify" else "create"]
        if name == "host":
            url, database = parsed(chosen["index"]), services["database"]["environment"]
            assert (url.host, url.username) == ("database", database["POSTGRES_USER"])
            assert url.database == database["POSTGRES_DB"]
