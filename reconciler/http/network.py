"""The network of this machine: the certificate store for servers, and the proxies of the environment."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from reconciler.errors import UsageError
from reconciler.http.origin import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def trusted(environ: Mapping[str, str]) -> ssl.SSLContext:
    """
    Return the certificates to trust: the system's, or those of SSL_CERT_FILE; else Mozilla's.

    Raises:
        UsageError: SSL_CERT_FILE names no file with a certificate: every connection would fail without that reason.
    """
    context = ssl.create_default_context()
    path = environ.get("SSL_CERT_FILE")
    if path and not context.cert_store_stats()["x509"]:
        message = f"SSL_CERT_FILE ({path}) names no file with certificates in PEM: correct it, or unset it"
        raise UsageError(message)
    paths = ssl.get_default_verify_paths()
    if not (context.cert_store_stats()["x509_ca"] or paths.cafile or paths.capath):
        import certifi  # noqa: PLC0415 (a Python that knows no store of its system, such as python.org's on macOS)

        context.load_verify_locations(certifi.where())
    return context


def unusable_proxies(environ: Mapping[str, str]) -> str:
    """Return the variables whose proxy is no URL, in either spelling; NO_PROXY where each of them is one."""
    named = (spelled for name in _PROXIES for spelled in (name, name.lower()) if environ.get(spelled))
    faulty = [name for name in named if origin_of(environ[name]) is None]
    return " and ".join(faulty) or "NO_PROXY or ALL_PROXY"
