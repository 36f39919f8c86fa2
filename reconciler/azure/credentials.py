"""
Credentials of azure-identity, by the name of ``--credential``. Its only importer, and only for the first token.

Errors name the variables and files that were read, never a value.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import ErrorCode, ErrorInfo
from reconciler.http.answer import is_success
from reconciler.http.fetch import fetch
from reconciler.http.origin import is_loopback
from reconciler.secret.text import HIDDEN, scrub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.secret.text import Secret

_LOG: Final = logging.getLogger("reconciler.azure")
_SHOWN_CHARACTERS: Final = 2500
_SHOWN_OF_A_CAUSE: Final = 250
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
"""Variables that each credential needs; one of the names in an inner tuple is enough."""
_WAYS: Final[Mapping[str, str]] = {
    "default": "run `az login`, or in CI choose the way with --credential",
    "environment": "check the values of AZURE_TENANT_ID, AZURE_CLIENT_ID and of the secret or certificate",
    "workload-identity": "check the federated credential of the application: issuer, subject and audience",
    "managed-identity": "assign a managed identity to this machine, or correct AZURE_CLIENT_ID",
    "cli": "run `az login`, after installing the Azure CLI if it is missing",
    "github": "give the job `permissions: id-token: write`, and check the federated credential of the application",
    "azure-pipelines": "check the service connection, and that the step maps SYSTEM_ACCESSTOKEN",
}
"""The next step by the name of ``--credential``, where no more specific one is known."""
_LOGIN: Final = "run `az login` again, for the tenant of the subscription"
_SECRET: Final = "set a valid client secret in AZURE_CLIENT_SECRET: this one is wrong or has expired"  # noqa: S105
_FEDERATION: Final = "correct the federated credential of the application: issuer, subject or audience do not match"
_STEPS: Final[Mapping[str, str]] = {
    "AADSTS7000215": _SECRET,
    "AADSTS7000222": _SECRET,
    "AADSTS700024": "request a fresh assertion: this one has expired, or a clock is wrong",
    "AADSTS700027": "register the certificate with the application: Microsoft Entra does not know this one",
    "AADSTS700016": "correct AZURE_CLIENT_ID or AZURE_TENANT_ID: the tenant has no such application",
    "AADSTS90002": "correct AZURE_TENANT_ID: this cloud has no such tenant",
    "AADSTS900023": "correct AZURE_TENANT_ID: it is not a tenant",
    "AADSTS70021": _FEDERATION,
    "AADSTS700211": _FEDERATION,
    "AADSTS700212": _FEDERATION,
    "AADSTS700213": _FEDERATION,
    "AADSTS50173": _LOGIN,
    "AADSTS50076": _LOGIN,
    "AADSTS50079": _LOGIN,
    "AADSTS70043": _LOGIN,
    "AADSTS700082": _LOGIN,
    "AADSTS65001": "grant the application admin consent in the tenant",
    "AADSTS53003": "ask who keeps the Conditional Access policies of the tenant: one of them blocks this sign-in",
}
"""By Microsoft's code ("Microsoft Entra authentication and authorization error codes", learn.microsoft.com)."""
_CODE: Final = re.compile(r"\bAADSTS\d{4,8}\b")
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
_SECRETS: Final = (
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "IDENTITY_HEADER",
)


def _without_proxy(request: Any) -> None:
    """Bypass the proxy for an identity service on this machine: it would see the secret header. An azure-core hook."""
    if is_loopback(request.http_request.url):
        request.context.options["proxies"] = {"no_proxy": "*"}


_DIRECT: Final[Mapping[str, Any]] = {"raw_request_hook": _without_proxy}


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    Creates credentials of azure-identity.

    Attributes:
        name: Of ``--credential``; ``token`` makes none.
        authority: Host of the sign-in service.
        environ: The environment.
        is_private: Whether the sign-in service is that of a cloud apart, which Microsoft's own does not know: it is not
            asked about it ("Sign in to Azure Stack Hub", disable_instance_discovery of azure-identity).
    """

    name: str
    authority: str
    environ: Mapping[str, str]
    is_private: bool = False

    def create(self, tenant: str | None) -> Any:
        """
        Return a credential.

        Args:
            tenant: GUID of one tenant that it may sign in to besides its own.

        Raises:
            ValueError: A variable that it needs is not set.
        """
        self._check()
        from azure import identity  # noqa: PLC0415 (a third of a second, and needed only for a real sign-in)

        allowed: dict[str, Any] = {"additionally_allowed_tenants": [tenant]} if tenant else {}
        options: dict[str, Any] = {"authority": self.authority, "connection_verify": _trusted(self.environ), **allowed}
        if self.is_private:
            options["disable_instance_discovery"] = True
        match self.name:
            case "default":
                return identity.DefaultAzureCredential(**options, **_DIRECT)
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
                message = "it only has a token for ARM"
                raise ValueError(message)

    def failure(self, error: Exception, claims: Secret | None = None) -> ErrorInfo:
        """
        Return the error of a sign-in that failed: one short cause, and one next step.

        The text of azure-identity, which may name everything that it tried, goes to the log.

        Args:
            error: As azure-identity, or the code around it, raised it.
            claims: The claims that the token was requested with.
        """
        said = getattr(error, "message", None) or str(error)  # the text of azure-core's adds the whole answer
        text = " ".join(scrub(self._hidden(said, claims)).split())[:_SHOWN_CHARACTERS]
        _LOG.info("no token from credential '%s': %s", self.name, text)
        code = _CODE.search(text)
        is_short = isinstance(error, ValueError | TypeError | TimeoutError) and len(text) <= _SHOWN_OF_A_CAUSE
        cause = code[0] if code else text if is_short else ""
        message = f"could not sign in: no token from credential '{self.name}'{f': {cause}' if cause else ''}"
        return ErrorInfo(ErrorCode.AUTH_FAILED, message, fix=self._fix(text, code[0] if code else ""))

    def _fix(self, text: str, code: str) -> str:
        """Return the next step: by Microsoft's code, else by what is not set, else by the credential."""
        missing = _missing(_NEEDED.get(self.name, ()), self.environ)
        step = _STEPS.get(code) or (f"set {missing}" if missing else _WAYS.get(self.name, _WAYS["default"]))
        if _UNTRUSTED in text:
            step = "if a proxy signs for Microsoft, name its CA file in SSL_CERT_FILE"
        return f"{step} (docs/sign-in.md; --log-level info shows the details)"

    def _check(self) -> None:
        missing = _missing(_NEEDED.get(self.name, ()), self.environ)
        if missing:
            message = f"not set: {missing}"
            raise ValueError(message)

    def _hidden(self, text: str, claims: Secret | None) -> str:
        """Hide secrets that the sign-in service, or a library, may repeat."""
        secrets = [value for name in _SECRETS if len(value := self.environ.get(name, "")) >= _SHORTEST_SECRET]
        if claims is not None:
            secrets += [claims.reveal(), base64.b64encode(claims.reveal().encode()).decode()]
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def _managed_identity(self, identity: Any, tenant: str | None) -> Any:
        if tenant:
            message = f"a managed identity has only tokens of its own tenant, and the subscription belongs to {tenant}"
            raise ValueError(message)
        return identity.ManagedIdentityCredential(client_id=self.environ.get("AZURE_CLIENT_ID"), **_DIRECT)

    def _github(self, identity: Any, options: Mapping[str, Any]) -> Any:
        def assertion() -> str:
            """Request a fresh assertion: each is valid for five minutes."""
            headers = {"authorization": f"Bearer {self.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
            url = f"{self.environ['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=api://AzureADTokenExchange"
            status, body = fetch(url, headers, self.environ)
            if not is_success(status):
                message = f"GitHub's token service answered {status}"
                raise ValueError(message)
            return _assertion(json.loads(body))

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
    Return the certificates to trust for the sign-in service: the system's, or those of SSL_CERT_FILE, as for ARM.

    ``requests``, which azure-identity uses, would take its own list, or that of two other variables.
    """
    if environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE"):
        return True
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True
