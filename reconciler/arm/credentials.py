"""
What azure-identity is asked for, by the name of ``--credential``. Its only importer, and only for the first token.

What goes wrong is said with the names of what was looked at, and without a value.
"""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import ErrorInfo
from reconciler.secret import HIDDEN, scrub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.secret import Secret

_SHOWN_CHARACTERS: Final = 2500
_SHORTEST_SECRET: Final = 6
_SERVICE: Final = (("AZURE_TENANT_ID",), ("AZURE_CLIENT_ID",))
_NEEDED: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "environment": (*_SERVICE, ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH")),
    "workload-identity": (*_SERVICE, ("AZURE_FEDERATED_TOKEN_FILE",)),
    "github": (*_SERVICE, ("ACTIONS_ID_TOKEN_REQUEST_URL",), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN",)),
    "azure-pipelines": (
        *_SERVICE,
        ("AZURE_SERVICE_CONNECTION_ID",),
        ("SYSTEM_ACCESSTOKEN",),
        ("SYSTEM_OIDCREQUESTURI",),
    ),
}
"""What each way cannot do without; of names beside each other one is enough."""
_LOOKED_AT: Final = (*_NEEDED["environment"], ("AZURE_FEDERATED_TOKEN_FILE",))
"""By azure-identity's chain, before it turns to what needs no variable."""
_SECRETS: Final = (
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "IDENTITY_HEADER",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    Makes credentials of azure-identity.

    Attributes:
        name: Of ``--credential``; ``token`` makes none.
        authority: Host of the sign-in service.
        environ: The environment.
    """

    name: str
    authority: str
    environ: Mapping[str, str]

    def create(self, tenant: str | None) -> Any:
        """
        Make a credential.

        Args:
            tenant: GUID of one more tenant that it may sign in to; it may to no other but its own.

        Raises:
            ValueError: It cannot be made of what there is.
        """
        self._check()
        from azure import identity  # noqa: PLC0415 (a third of a second, and needed only for a real sign-in)

        allowed: dict[str, Any] = {"additionally_allowed_tenants": [tenant]} if tenant else {}
        options: dict[str, Any] = {"authority": self.authority, "connection_verify": _trusted(self.environ), **allowed}
        match self.name:
            case "default":
                return identity.DefaultAzureCredential(**options)
            case "environment":
                return identity.EnvironmentCredential(**options)
            case "workload-identity":
                return identity.WorkloadIdentityCredential(**options)
            case "managed-identity":
                return self._managed_identity(identity, tenant)
            case "cli":
                return identity.AzureCliCredential(**allowed)
            case "github":
                return self._github(identity, options)
            case "azure-pipelines":
                return self._azure_pipelines(identity, options)
            case _:
                message = "what it has is a token for ARM alone"
                raise ValueError(message)

    def failure(self, error: Exception, claims: Secret | None = None) -> ErrorInfo:
        """Give what a report says of a sign-in that failed; *claims* are what it was asked with."""
        said = getattr(error, "message", None) or str(error)  # the text of azure-core's adds the whole answer
        text = self._hidden(said, claims)
        message = " ".join(scrub(text).split())[:_SHOWN_CHARACTERS]
        fix = "see docs/sign-in.md for what each --credential looks at"
        missing = _missing(_LOOKED_AT, self.environ) if self.name == "default" else ""
        if missing:
            fix = f"of what 'default' looks at is not set: {missing}; {fix}"
        return ErrorInfo("AuthFailed", f"sign-in failed: no token from credential '{self.name}': {message}", fix=fix)

    def _check(self) -> None:
        missing = _missing(_NEEDED.get(self.name, ()), self.environ)
        if missing:
            message = f"not set: {missing}"
            raise ValueError(message)

    def _hidden(self, text: str, claims: Secret | None) -> str:
        """Hide what the other side, or a library, might repeat of what it was given."""
        secrets = [value for name in _SECRETS if len(value := self.environ.get(name, "")) >= _SHORTEST_SECRET]
        if claims is not None:
            secrets += [claims.reveal(), base64.b64encode(claims.reveal().encode()).decode()]
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def _managed_identity(self, identity: Any, tenant: str | None) -> Any:
        if tenant:
            message = f"a managed identity has tokens of its own tenant alone, and the subscription is of {tenant}"
            raise ValueError(message)
        return identity.ManagedIdentityCredential(client_id=self.environ.get("AZURE_CLIENT_ID"))

    def _github(self, identity: Any, options: Mapping[str, Any]) -> Any:
        def assertion() -> str:
            """Ask for a fresh assertion: one lives five minutes."""
            import httpx  # noqa: PLC0415

            headers = {"authorization": f"Bearer {self.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
            url = f"{self.environ['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=api://AzureADTokenExchange"
            answer = httpx.get(url, headers=headers, timeout=30, verify=ssl.create_default_context())
            if not answer.is_success:
                message = f"GitHub's token service answered {answer.status_code}"
                raise ValueError(message)
            return _assertion(answer.json())

        tenant, client = self.environ["AZURE_TENANT_ID"], self.environ["AZURE_CLIENT_ID"]
        return identity.ClientAssertionCredential(tenant, client, assertion, **options)

    def _azure_pipelines(self, identity: Any, options: Mapping[str, Any]) -> Any:
        return identity.AzurePipelinesCredential(
            tenant_id=self.environ["AZURE_TENANT_ID"],
            client_id=self.environ["AZURE_CLIENT_ID"],
            service_connection_id=self.environ["AZURE_SERVICE_CONNECTION_ID"],
            system_access_token=self.environ["SYSTEM_ACCESSTOKEN"],
            **options,
        )


def _missing(needed: tuple[tuple[str, ...], ...], environ: Mapping[str, str]) -> str:
    return ", ".join(" or ".join(names) for names in needed if not any(environ.get(name) for name in names))


def _assertion(answer: Any) -> str:
    value = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(value, str):
        message = "GitHub's token service gave no assertion"
        raise TypeError(message)
    return value


def _trusted(environ: Mapping[str, str]) -> str | bool:
    """
    Give what the sign-in service's certificate is held against: the store of the system, or SSL_CERT_FILE, as for ARM.

    ``requests``, which azure-identity speaks through, would take its own list, or what it reads from two names.
    """
    if environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE"):
        return True
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True
