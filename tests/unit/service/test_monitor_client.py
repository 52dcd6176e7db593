"""No durable record, no effect."""

import asyncio
from pathlib import Path

import pytest

from appliance.contract.context import HEADER
from appliance.service.monitor import MonitorClient, NotRecordedError
from tests.unit.service.support import Monitor, headers_for


def test_a_record_returns_its_receipt_and_a_job_its_grant(tmp_path: Path) -> None:
    context = headers_for("POST", "/inference/v1/completions")[HEADER]

    async def use(client: MonitorClient) -> tuple[str, str]:
        receipt = await client.record("model_inference_activity", context, inputs=["ab"], detail={"tokens": 3})
        grant = await client.grant(context, job="7", model="smollm2", purpose="evaluation", calls=9)
        await client.close()
        return receipt, grant

    with Monitor(tmp_path / "record.sock") as monitor:
        assert asyncio.run(use(MonitorClient(tmp_path / "record.sock"))) == ("receipt-1", "v1.grant-7")
    assert (monitor.records[0]["inputs"], monitor.records[0]["subject"]) == (["ab"], "analyst")
    assert monitor.grants[0] == {
        "context": context,
        "job": "7",
        "model": "smollm2",
        "purpose": "evaluation",
        "calls": 9,
        "groups": [],
    }


def test_a_monitor_that_is_absent_or_refuses_stops_the_effect(tmp_path: Path) -> None:
    async def record() -> None:
        await MonitorClient(tmp_path / "record.sock").record("model_inference_activity", "v1.context")

    with pytest.raises(NotRecordedError):
        asyncio.run(record())
    with Monitor(tmp_path / "record.sock") as monitor:
        monitor.refuse = True
        with pytest.raises(NotRecordedError):
            asyncio.run(record())
