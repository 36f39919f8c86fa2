"""
Settings of one run: the command line over the environment over the project file over defaults.

The only reader of the process environment. Other modules are given values.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from reconciler.errors import UsageError
from reconciler.http.origin import folded_host, is_loopback, origin_of
from reconciler.manifests.permits import BLOB_HOSTS, SECRET_PREFIX, Permits, is_signature, scopes, storage_hosts
from reconciler.manifests.shard import parse_shard
from reconciler.secret.text import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.manifests.shard import Shard

_COMMITS: Final = ("RECONCILER_COMMIT", "GITHUB_SHA", "BUILD_SOURCEVERSION", "CI_COMMIT_SHA")
_LONGEST_SECRET: Final = 16_384
_WITHHELD: Final = (SECRET_PREFIX, "RECONCILER_ACCESS_TOKEN")
_PARALLEL_JOBS: Final = (
    ("CI_NODE_INDEX", "CI_NODE_TOTAL"),
    ("SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE"),
)
_WORKSPACES: Final = ("GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY", "CI_PROJECT_DIR")


@dataclass(frozen=True, slots=True)
class Cloud:
    """
    The facts of one Azure cloud. None is derived from another.

    Attributes:
        endpoint: Of ARM.
        scope: Of its tokens.
        authority: Host of the sign-in service.
        blob_hosts: The ends of the names of its blob hosts.
    """

    endpoint: str
    scope: str
    authority: str
    blob_hosts: tuple[str, ...]


# azure-mgmt-core, azure/mgmt/core/tools.py, get_arm_endpoints; azure-identity, _constants.py; for blobs azure-cli-core,
# cloud.py, and "Storage account overview" (endpoints of Azure DNS zones)
CLOUDS: Final[Mapping[str, Cloud]] = {
    "public": Cloud(
        "https://management.azure.com",
        "https://management.azure.com/.default",
        "login.microsoftonline.com",
        BLOB_HOSTS,
    ),
    "usgovernment": Cloud(
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "login.microsoftonline.us",
        (".blob.core.usgovcloudapi.net",),
    ),
    "china": Cloud(
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "login.chinacloudapi.cn",
        (".blob.core.chinacloudapi.cn",),
    ),
}
EMULATOR: Final = "emulator"
CUSTOM: Final = "custom"
CLOUD_NAMES: Final = (*CLOUDS, EMULATOR, CUSTOM)
_DIGITS: Final = 6
"""More than the columns of any terminal have."""
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_Choice = TypeVar("_Choice", bound=str)
_EMULATOR_ENDPOINT: Final = "http://localhost"


@dataclass(frozen=True, slots=True)
class Custom:
    """
    The operator's facts of ``--cloud custom``, as text; None without one.

    Attributes:
        authority: URL of the sign-in service.
        audience: URL that tokens are for.
        blob_suffix: The end of the names of blob hosts, after ``ACCOUNT.blob.``.
    """

    authority: str | None = None
    audience: str | None = None
    blob_suffix: str | None = None

    def named(self) -> dict[str, str]:
        """Return the facts that are there, by their options."""
        options = {
            "--authority": self.authority,
            "--audience": self.audience,
            "--blob-suffix": self.blob_suffix,
        }
        return {option: value for option, value in options.items() if value}


@dataclass(frozen=True, slots=True)
class Connection:
    """
    The ARM to speak to, and the way to sign in.

    Attributes:
        cloud: One of *CLOUD_NAMES*.
        endpoint: Scheme, host and port.
        credential: Name of the sign-in method.
        custom: The facts of ``--cloud custom``; None for every other cloud.
    """

    cloud: str = "public"
    endpoint: str = CLOUDS["public"].endpoint
    credential: str = "default"
    custom: Cloud | None = None

    @property
    def azure(self) -> Cloud:
        """The facts of the cloud; the public cloud's for the embedded ARM."""
        return self.custom or CLOUDS.get(self.cloud, CLOUDS["public"])

    @property
    def is_emulated(self) -> bool:
        """Whether the embedded ARM answers, in this process."""
        return self.cloud == EMULATOR

    @property
    def is_loopback(self) -> bool:
        """Whether requests stay on this machine."""
        return self.is_emulated or is_loopback(self.endpoint)

    @property
    def default_poll_interval_s(self) -> float:
        """Seconds between two requests about an operation; few where requests stay on this machine."""
        return 0.2 if self.is_loopback else 15.0

    @property
    def sends_token(self) -> bool:
        """Whether a token is sent: over plain http, to loopback, only that of ``--credential token``."""
        return not self.is_emulated and (self.endpoint.startswith("https://") or self.credential == "token")


def connection(cloud: str, endpoint: str | None, credential: str, custom: Custom | None = None) -> Connection:
    """
    Return the connection that the user chose.

    Raises:
        UsageError: The endpoint is no https URL, nor http to loopback, or an option does not fit the cloud.
    """
    custom = custom or Custom()
    if cloud == CUSTOM:
        return _custom(endpoint, credential, custom)
    for option in custom.named():
        message = f"{option} cannot be combined with --cloud {cloud}: leave it out, or choose --cloud custom"
        raise UsageError(message)
    if cloud == EMULATOR:
        if endpoint:
            message = "--endpoint cannot be combined with --cloud emulator: leave one of them out"
            raise UsageError(message)
        return Connection(EMULATOR, _EMULATOR_ENDPOINT, credential)
    return Connection(cloud, _checked(endpoint) if endpoint else CLOUDS[cloud].endpoint, credential)


def _custom(endpoint: str | None, credential: str, custom: Custom) -> Connection:
    if not endpoint:
        message = "--cloud custom needs --endpoint, the URL of its Azure Resource Manager"
        raise UsageError(message)
    checked = Connection(CUSTOM, _checked(endpoint), credential)
    needed = checked.sends_token and credential != "token"
    missing = [name for name in ("--authority", "--audience") if needed and name not in custom.named()]
    if missing:
        message = f"--cloud custom needs {' and '.join(missing)} to sign in, or --credential token"
        raise UsageError(message)
    return replace(checked, custom=_facts(checked.endpoint, custom))


def _facts(endpoint: str, custom: Custom) -> Cloud:
    """
    Return the facts of a custom cloud, none of which is derived from another.

    A token's scope is its audience with ``/.default`` behind it, a slash at the end kept: the two are different
    audiences ("Scopes and permissions in the Microsoft identity platform", trailing slash, learn.microsoft.com).
    """
    authority = _https("--authority", custom.authority, "scheme, host and port only, such as https://login.example.net")
    _https("--audience", custom.audience)
    suffix = folded_host(custom.blob_suffix.removeprefix(".").removeprefix("blob.")) if custom.blob_suffix else ""
    if suffix is None:
        message = "--blob-suffix is no host: write the part after ACCOUNT.blob., such as core.example.net"
        raise UsageError(message)
    scope = f"{custom.audience}/.default" if custom.audience else ""
    return Cloud(endpoint, scope, authority.removeprefix("https://"), (f".blob.{suffix}",) if suffix else ())


def _https(name: str, text: str | None, only: str = "") -> str:
    """Return a URL that is https, also on loopback: credentials go there, or it stands for such a place."""
    if not text:
        return ""
    url = web_address(name, text, only)
    if not url.startswith("https://"):
        message = f"{name} must be https"
        raise UsageError(message)
    return url


def _checked(endpoint: str) -> str:
    return web_address("--endpoint", endpoint, "scheme, host and port only, such as https://management.azure.com")


def web_address(name: str, text: str, only: str = "") -> str:
    """
    Return a URL that a token may be sent to, without a slash at its end.

    Args:
        name: The option or variable that holds it.
        text: The value.
        only: The allowed parts in words, if a path is not one of them.

    Raises:
        UsageError: It is no https URL, nor http to loopback, or holds more than that.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        message = f"{name} is no URL: {error}"
        raise UsageError(message) from None
    path = parts.path.rstrip("/")
    if parts.username is not None or parts.query or parts.fragment or (only and path) or not host:
        message = f"{name} takes {only or 'scheme, host, port and path only'}"
        raise UsageError(message)
    origin = origin_of(text)
    if origin is None or not origin.is_safe:
        message = f"{name} must be https; plain http is allowed for loopback only"
        raise UsageError(message)
    return f"{parts.scheme}://{parts.netloc}{path}"


def header_token(name: str, value: str) -> Secret:
    """
    Return a token for a header, without surrounding blanks and line ends.

    Args:
        name: The variable that holds it.
        value: The value of the variable.

    Raises:
        UsageError: The value has a character that no token has.
    """
    token = value.strip(" \t\r\n")
    if not token or not all("!" <= char <= "~" for char in token):
        message = f"{name} holds no token: it has a line end, a blank, a control character, or a letter outside ASCII"
        raise UsageError(message)
    return Secret(token)


@dataclass(frozen=True, slots=True)
class Ci:
    """
    The facts of a CI job; each is None where the job does not state it.

    Attributes:
        commit: The commit that the job runs for; ``RECONCILER_COMMIT`` wins.
        workspace: The folder that the repository was checked out to.
        step_summary: The file to which GitHub's runner takes Markdown about this step.
        step_outputs: The file to which GitHub's runner takes values for later steps.
        agent_folder: The folder that the agent of Azure Pipelines empties after the job.
    """

    commit: str | None = None
    workspace: Path | None = None
    step_summary: Path | None = None
    step_outputs: Path | None = None
    agent_folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    """
    The user's wishes for text on a terminal.

    Attributes:
        columns: Of ``COLUMNS``; None for those of the terminal itself.
        is_colored: False where ``NO_COLOR`` is set (no-color.org).
    """

    columns: int | None = None
    is_colored: bool = True


@dataclass(frozen=True, slots=True)
class Environment:
    """
    The environment of the process, read once: typed values for this program, the text as it is for libraries and git.

    Attributes:
        values: By the names of the variables.
    """

    values: Mapping[str, str] = field(repr=False)

    def access_token(self) -> Secret:
        """
        Return the bearer token for ``--credential token``.

        Raises:
            UsageError: There is none.
        """
        value = self.values.get("RECONCILER_ACCESS_TOKEN")
        if not value:
            message = "--credential token needs a bearer token in RECONCILER_ACCESS_TOKEN, which is not set"
            raise UsageError(message)
        return header_token("RECONCILER_ACCESS_TOKEN", value)

    def signature(self, name: str) -> Secret:
        """
        Return the signature for package blobs that the variable *name* holds, without a leading question mark.

        Raises:
            UsageError: It is not set, or holds something else.
        """
        value = self.values.get(name, "").removeprefix("?") if name.startswith(SECRET_PREFIX) else ""
        if not value:
            message = f"spec.storage of the project file takes a signature from {name}, which is not set"
            raise UsageError(message)
        if not is_signature(value):
            message = f"spec.storage of the project file takes a signature from {name}, which holds none (sv, se, sig)"
            raise UsageError(message)
        return Secret(value)

    def secrets(self) -> Mapping[str, Secret]:
        """
        Return the values that a manifest may name, by their variables, without surrounding blanks and line ends.

        Raises:
            UsageError: A value is too long, or contains a control character, which no link and no address has.
        """
        values = {name: value.strip() for name, value in self.values.items() if name.startswith(SECRET_PREFIX)}
        for name, value in values.items():
            if not value.isprintable():
                message = f"{name} holds a line end or another control character: set it again, as one line"
                raise UsageError(message)
            if len(value) > _LONGEST_SECRET:
                message = f"{name} holds {len(value):,} characters, and no link has more than {_LONGEST_SECRET:,}"
                raise UsageError(message)
        return {name: Secret(value) for name, value in values.items() if value}

    def storage_hosts(self) -> tuple[str, ...]:
        """Return the hosts of ``RECONCILER_STORAGE_HOSTS``, for a command without ``--storage-host``."""
        return (self.values.get("RECONCILER_STORAGE_HOSTS", ""),)

    @property
    def terminal(self) -> Terminal:
        """The user's wishes for text on a terminal."""
        stated = self.values.get("COLUMNS", "")
        columns = int(stated) if stated.isdecimal() and len(stated) < _DIGITS else None
        return Terminal(columns or None, is_colored=not self.values.get("NO_COLOR"))

    @property
    def ci(self) -> Ci:
        """The facts of the CI job that this process belongs to."""
        return Ci(
            commit=self._first(*_COMMITS),
            workspace=self._path(*_WORKSPACES),
            step_summary=self._path("GITHUB_STEP_SUMMARY"),
            step_outputs=self._path("GITHUB_OUTPUT"),
            agent_folder=self._path("AGENT_TEMPDIRECTORY"),
        )

    def _first(self, *names: str) -> str | None:
        return next((value for name in names if (value := self.values.get(name))), None)

    def _path(self, *names: str) -> Path | None:
        value = self._first(*names)
        return Path(value) if value else None

    def shard(self) -> Shard | None:
        """
        Return the shard of this job among the parallel ones of Kubernetes, GitLab or Azure Pipelines; None without any.

        Raises:
            UsageError: Its variables name no shard.
        """
        index = self.values.get("JOB_COMPLETION_INDEX", "")
        if index:
            number = str(int(index) + 1) if index.isascii() and index.isdecimal() and len(index) < _DIGITS else index
            total = self.values.get("RECONCILER_SHARD_COUNT", "")
            return parse_shard(f"{number}/{total}", "JOB_COMPLETION_INDEX + 1 of RECONCILER_SHARD_COUNT,")
        for number_in, total_in in _PARALLEL_JOBS:
            number, total = self.values.get(number_in, ""), self.values.get(total_in, "")
            if (number or total) and total != "1":
                return parse_shard(f"{number}/{total}", f"{number_in} of {total_in},")
        return None

    def emulator_state(self) -> Path:
        """Return the state file of the embedded ARM."""
        return Path(self.values.get("RECONCILER_EMULATOR_STATE") or ".reconciler/emulator.sqlite")

    def emulator_seed(self) -> Path | None:
        """Return the file of the machines that the embedded Resource Graph knows; None without one."""
        name = self.values.get("RECONCILER_EMULATOR_SEED")
        return Path(name) if name else None

    def emulator_number(self, name: str, default: float) -> float:
        """
        Return a number among the settings of the embedded ARM.

        Raises:
            UsageError: It is not one.
        """
        text = self.values.get(f"RECONCILER_EMULATOR_{name}", "")
        try:
            number = float(text) if text else default
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            message = f"RECONCILER_EMULATOR_{name} must be a number that is not negative"
            raise UsageError(message)
        return number

    def emulator_choice(self, name: str, choices: tuple[_Choice, ...]) -> _Choice:
        """
        Return a choice among the settings of the embedded ARM; the first one is the default.

        Raises:
            UsageError: It is none of *choices*.
        """
        value = self.values.get(f"RECONCILER_EMULATOR_{name}") or choices[0]
        for choice in choices:
            if value == choice:
                return choice
        message = f"RECONCILER_EMULATOR_{name} must be one of {', '.join(choices)}"
        raise UsageError(message)

    def emulator_versions(self) -> Mapping[str, str]:
        """
        Return the newest api-version that the embedded ARM knows, by resource type; an empty one stands for all.

        Raises:
            UsageError: An entry is neither ``VERSION`` nor ``TYPE=VERSION``.
        """
        entries = self.values.get("RECONCILER_EMULATOR_API_VERSIONS", "").replace(",", " ").split()
        parts = [entry.rpartition("=") for entry in entries]
        if not all(_DATE.fullmatch(version) and bool(name) == bool(sign) for name, sign, version in parts):
            message = "RECONCILER_EMULATOR_API_VERSIONS must be entries such as 2024-03-03 or TYPE=2024-03-03"
            raise UsageError(message)
        return {name: version for name, _, version in parts}


def permitted(
    cloud: Cloud, environment: Environment, named: Sequence[str] = (), allowed: Sequence[str] = ()
) -> Permits:
    """
    Return the operator's permissions for a run.

    Args:
        cloud: Its blob hosts may get a signature.
        environment: Its secrets may be named by manifests.
        named: Further hosts; a text may hold several, separated by blanks or commas.
        allowed: Subscriptions and resource groups, likewise; empty for any.

    Raises:
        UsageError: A host, scope or secret is malformed.
    """
    return Permits(
        storage=storage_hosts(cloud.blob_hosts, _words(named)),
        scopes=scopes(_words(allowed)),
        secrets=environment.secrets(),
    )


def _words(texts: Sequence[str]) -> list[str]:
    return [word for text in texts for word in text.replace(",", " ").split()]


@contextmanager
def secrets_withheld() -> Iterator[None]:
    """
    Keep the reconciler's own secrets out of the environment of programs that are started meanwhile.

    azure-identity starts ``az``, ``azd`` and ``pwsh`` with the environment of this process, and has no option for
    another one; none of them needs a signature or a webhook's address.
    """
    own = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_WITHHELD)}
    try:
        yield
    finally:
        os.environ.update(own)


def process_environment() -> Environment:
    """Return the environment of this process."""
    return Environment(dict(os.environ))
