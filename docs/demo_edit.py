"""
Another client: changes one live property of the embedded ARM, as a colleague in the portal would.

Reads the canary version, makes it the latest for every machine, puts it back and waits for the operation to end.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import httpx

from reconciler.clock import SystemClock
from reconciler.emulator import create_app
from reconciler.emulator.settings import EmulatorSettings

VERSION = (
    "/subscriptions/5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11/resourceGroups/rg-endpoint-gallery"
    "/providers/Microsoft.Compute/galleries/larkspurApps/applications/agent/versions/2.0.0"
)
API = {"api-version": "2022-03-03"}
PATIENCE_S = 30.0


async def main() -> None:
    """GET, change ``excludeFromLatest``, PUT, wait."""
    app = create_app(EmulatorSettings(state=Path(os.environ["RECONCILER_EMULATOR_STATE"])), SystemClock())
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": "Bearer somebody-else"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", params=API, headers=headers) as arm:
        body = (await arm.get(VERSION)).raise_for_status().json()
        profile = body["properties"]["publishingProfile"]
        before, profile["excludeFromLatest"] = profile["excludeFromLatest"], False
        (await arm.put(VERSION, json=body)).raise_for_status()
        async with asyncio.timeout(PATIENCE_S):
            while await _state(arm) != "Succeeded":
                await asyncio.sleep(0.1)
    print(f"properties.publishingProfile.excludeFromLatest of agent 2.0.0: {before} -> False")


async def _state(arm: httpx.AsyncClient) -> str:
    answer = (await arm.get(VERSION)).raise_for_status().json()
    return str(answer["properties"]["provisioningState"])


if __name__ == "__main__":
    asyncio.run(main())
