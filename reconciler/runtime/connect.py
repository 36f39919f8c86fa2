"""Opens the ARM that a run is configured for: Azure, another endpoint, or the embedded one in this process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from reconciler.azure.answers import ARM
from reconciler.azure.auth import AccessToken, IdentityToken
from reconciler.azure.blobs import SCOPE, Blobs, life_for, storage_transport
from reconciler.azure.client import ArmReader, ArmWriter
from reconciler.azure.credentials import Credentials
from reconciler.azure.resource_graph import GraphReader
from reconciler.azure.versions import Versions
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.http.window import Windows
from reconciler.manifests.permits import StorageHosts
from reconciler.settings import secrets_withheld

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reconciler.clock import Clock
    from reconciler.emulator import EmulatorSettings
    from reconciler.http.tokens import TokenSource
    from reconciler.manifests.access import Grant
    from reconciler.settings import Connection, Environment


@asynccontextmanager
async def open_reader(
    connection: Connection,
    environment: Environment,
    clock: Clock,
    windows: Windows | None = None,
    versions: Versions | None = None,
) -> AsyncIterator[ArmReader]:
    """Yield a client that cannot write; it waits wherever ARM asked another client of the process to wait."""
    async with _transport(connection, environment, clock) as transport:
        yield ArmReader(transport, Retrier(clock, windows=windows or Windows()), versions or Versions())


@asynccontextmanager
async def open_writer(
    connection: Connection,
    environment: Environment,
    clock: Clock,
    windows: Windows | None = None,
    versions: Versions | None = None,
) -> AsyncIterator[ArmWriter]:
    """Yield a client that can PUT; it waits wherever ARM asked another client of the process to wait."""
    async with _transport(connection, environment, clock) as transport:
        yield ArmWriter(transport, Retrier(clock, windows=windows or Windows()), versions or Versions())


@asynccontextmanager
async def open_graph(connection: Connection, environment: Environment, clock: Clock) -> AsyncIterator[GraphReader]:
    """Yield the client of Resource Graph, which can ask one question and nothing else."""
    async with _transport(connection, environment, clock) as transport:
        yield GraphReader(transport, Retrier(clock))


@asynccontextmanager
async def _transport(connection: Connection, environment: Environment, clock: Clock) -> AsyncIterator[Transport]:
    app = _embedded(environment, clock) if connection.is_emulated else None
    tokens = _tokens(connection, environment, clock)
    transport = Transport.open(connection.endpoint, ARM, tokens, clock, environ=environment.values, app=app)
    try:
        with secrets_withheld():
            yield transport
    finally:
        await transport.close()
        if app is not None:
            app.state.world.close()


@asynccontextmanager
async def open_blobs(
    connection: Connection,
    environment: Environment,
    clock: Clock,
    grants: tuple[Grant, ...],
    timeout_s: float,
    hosts: StorageHosts | None = None,
) -> AsyncIterator[Blobs | None]:
    """Yield the client of blob storage for the packages behind *grants*; None where there are none."""
    if not grants:
        yield None
        return
    cloud = connection.azure
    credentials = Credentials(
        connection.credential, cloud.authority, environment.values, is_private=connection.custom is not None
    )
    holds_one_for_arm = connection.credential == "token"
    blobs = Blobs(
        grants,
        NoToken() if holds_one_for_arm else IdentityToken(credentials, SCOPE, clock),
        hosts or StorageHosts(cloud.blob_hosts),
        life_for(timeout_s),
        clock,
        partial(storage_transport, environ=environment.values),
        only_local=connection.is_emulated,
    )
    try:
        with secrets_withheld():
            yield blobs
    finally:
        await blobs.close()


def _tokens(connection: Connection, environment: Environment, clock: Clock) -> TokenSource:
    if not connection.sends_token:
        return NoToken(fix="over plain http a token is sent only with --credential token")
    if connection.credential == "token":
        return AccessToken(environment.access_token())
    cloud = connection.azure
    credentials = Credentials(
        connection.credential, cloud.authority, environment.values, is_private=connection.custom is not None
    )
    return IdentityToken(credentials, cloud.scope, clock)


def _embedded(environment: Environment, clock: Clock) -> Any:
    from reconciler.emulator import create_app  # noqa: PLC0415 (imports a server, needed for the emulator only)

    return create_app(emulator_settings(environment), clock)


def emulator_settings(environment: Environment) -> EmulatorSettings:
    """
    Return the settings of the embedded ARM, from the environment.

    Raises:
        UsageError: One of them is invalid.
    """
    from reconciler.emulator import EmulatorSettings  # noqa: PLC0415
    from reconciler.emulator.settings import VersionError  # noqa: PLC0415

    return EmulatorSettings(
        state=environment.emulator_state(),
        latency_ms=environment.emulator_number("LATENCY_MS", 0),
        page_size=max(1, int(environment.emulator_number("PAGE_SIZE", 100))),
        operation_seconds=environment.emulator_number("OPERATION_SECONDS", 0.5),
        media_link=environment.emulator_choice("MEDIA_LINK", ("whole", "stripped")),
        strict_groups=environment.emulator_choice("STRICT_GROUPS", ("0", "1")) == "1",
        sharing=environment.emulator_choice("SHARING", ("changes", "fixed")),
        soft_delete=environment.emulator_choice("SOFT_DELETE", ("taken", "refused")),
        server_fields=environment.emulator_choice("SERVER_FIELDS", ("none", "writes", "all")),
        empty_text=environment.emulator_choice("EMPTY_TEXT", ("kept", "dropped")),
        newest=environment.emulator_versions(),
        version_error=environment.emulator_choice("API_VERSION_ERROR", get_args(VersionError)),
        newer_fields=environment.emulator_choice("NEWER_FIELDS", ("kept", "dropped")),
        packages=environment.emulator_choice("PACKAGES", ("public", "private")),
        public_name=environment.emulator_choice("PUBLIC_NAME", ("prefix", "names")),
        seed=environment.emulator_seed(),
        staleness_seconds=environment.emulator_number("STALENESS_SECONDS", 0),
    )
