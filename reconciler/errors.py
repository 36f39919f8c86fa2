"""
Every exception that is raised on purpose; anything else that escapes is a bug.

    ReconcilerError
        UsageError               the command line or an environment variable makes no sense (exit 64)
        UnknownKindError         no schema describes a kind, or none its api-version
        ManifestError            one or more problems in manifests or the project file, all of them at once
        EmulatorError            the embedded ARM cannot use its state file
        HistoryError             the history of the loop cannot be used
        ListenError              the address of --listen cannot be listened on
        OutputError              a report, a plan or an export cannot be written
        PathError                a path leads to nothing that can be used
        ReportFileError          a report is not one, or does not go with the others
        ReviewError              a comment on a pull request could not be read or written
        PlanFileError            a saved plan is not one, was changed, has expired, or is another project's
        SnapshotFileError        a snapshot is not one, was changed, or is another project's
        RequestError             one request to a service did not get a usable answer
            AuthError            no token, or the service refused it
            RejectedError        rejected by the service, which would reject it again
            ConflictError        another operation is in the way: wait, read again, decide again
            TransientError       throttled, unreachable or a server error, after all retries
            UnusableAnswerError  an answer to another question (HTML, another resource) or a part of one
            ForeignOriginError   a link in an answer leads to another origin; nothing was sent there
        PackageError             Azure could not read a package that a PUT names; the PUT was not sent
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from reconciler.problems import Problem
    from reconciler.values import FieldPath


class ReconcilerError(Exception):
    """Base of everything raised on purpose."""


class UsageError(ReconcilerError):
    """The command line, or a setting, is wrong."""


class UnknownKindError(ReconcilerError):
    """No schema describes a kind, or none its api-version."""


class ManifestError(ReconcilerError):
    """
    Manifests cannot be used.

    Attributes:
        problems: Every problem found, in the order of files and lines.
        warnings: Findings that would not have stopped the run.
    """

    def __init__(self, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> None:
        """Keep every problem: a user's mistakes are reported together."""
        super().__init__("; ".join(f"{problem.file}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)


class EmulatorError(ReconcilerError):
    """The state file of the embedded ARM cannot be used."""


class PlanFileError(ReconcilerError):
    """A saved plan cannot be applied at all."""


class SnapshotFileError(ReconcilerError):
    """A snapshot cannot be planned against."""


class HistoryError(ReconcilerError):
    """
    The history of the loop cannot be used.

    Attributes:
        fix: The next step, in the imperative.
        is_corrupt: Whether the file is damaged, so that it is of no use to any program.
    """

    def __init__(self, message: str, fix: str, *, is_corrupt: bool = False) -> None:
        """Keep the fix, and whether the file is damaged."""
        super().__init__(message)
        self.fix = fix
        self.is_corrupt = is_corrupt


class ListenError(ReconcilerError):
    """The address of ``--listen`` cannot be listened on."""


class OutputError(ReconcilerError):
    """An output file cannot be written."""


class PathError(ReconcilerError):
    """
    A path cannot be used.

    Attributes:
        path: As it was named.
        reason: In the words of the operating system where they are its own.
    """

    def __init__(self, path: str | PathLike[str], reason: str) -> None:
        """Keep the path and the reason."""
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class ReportFileError(ReconcilerError):
    """
    Reports cannot be merged.

    Attributes:
        fix: The next step, in the imperative.
    """

    def __init__(self, message: str, fix: str) -> None:
        """Keep the fix."""
        super().__init__(message)
        self.fix = fix


class ReviewError(ReconcilerError):
    """A comment on a pull request could not be read or written."""


class ErrorCode(StrEnum):
    """The reconciler's own codes in ``error.code``; every other one is Azure's."""

    AUTH_FAILED = "AuthFailed"  # the sign-in failed
    DEPENDENCY_FAILED = "DependencyFailed"  # a resource that this one needs failed
    DID_NOT_STICK = "DidNotStick"  # Azure took the PUT and did not keep a value
    EARLIER_WAVE_FAILED = "EarlierWaveFailed"  # a resource of an earlier wave failed
    FOREIGN_ORIGIN = "ForeignOrigin"  # an answer led to another host
    INTERNAL_ERROR = "InternalError"  # a bug in the reconciler
    INTERRUPTED = "Interrupted"  # a signal ended the run
    NO_SIGNATURE = "NoSignature"  # no signature for a package could be made
    NOT_IN_SNAPSHOT = "NotInSnapshot"  # the snapshot does not cover the resource
    PACKAGE_UNREADABLE = "PackageUnreadable"  # Azure could not read the package
    PLAN_MOVED = "PlanMoved"  # a saved plan no longer holds for the resource
    PROVISIONING_FAILED = "ProvisioningFailed"  # the operation ended Failed or Canceled
    REPLICATION_FAILED = "ReplicationFailed"  # the replication of a region failed
    TIMEOUT = "Timeout"  # the operation still runs
    UNREACHABLE = "Unreachable"  # no answer
    UNUSABLE_ANSWER = "UnusableAnswer"  # an answer without information about the resource
    VARIABLE_MISSING = "VariableMissing"  # a variable with a secret is not set


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """
    One failure, as a report shows it.

    Attributes:
        code: An :class:`ErrorCode`, else Azure's own code.
        message: One or more lines, free of secrets: the message, then each nested detail on a line of its own.
        status: The HTTP status, if there was an answer.
        request_id: ``x-ms-request-id`` of that answer.
        fix: The next step, in the imperative.
        targets: The properties that ARM named, in its own words.
        path: The property that the error is about, as a reader writes it; None where none is known.
        steps: The same in the body as written.
        is_sign_in: Whether the identity failed, which affects every request: an :class:`AuthError`.
        is_bare: Whether the answer had no ARM ``error`` object: its code has no information about the resource.
    """

    code: str
    message: str
    status: int | None = None
    request_id: str | None = None
    fix: str | None = None
    targets: tuple[str, ...] = ()
    path: str | None = None
    steps: FieldPath = ()
    is_bare: bool = False
    is_sign_in: bool = field(default=False, compare=False)


class RequestError(ReconcilerError):
    """One request to a service did not get a usable answer."""

    def __init__(self, info: ErrorInfo) -> None:
        """Keep the error for the report."""
        super().__init__(f"{info.code}: {info.message}")
        self.info = info


class AuthError(RequestError):
    """There is no token, or the service refused it."""

    def __init__(self, info: ErrorInfo) -> None:
        """Keep the error for the report, marked as a failed sign-in."""
        super().__init__(replace(info, is_sign_in=True))


class RejectedError(RequestError):
    """The service rejected the request and would reject it again."""


class ConflictError(RequestError):
    """
    Another operation is in the way (409 Conflict, AnotherOperationInProgress).

    Attributes:
        retry_after_s: Seconds that the service asks to wait; None if it asks for none.
    """

    def __init__(self, info: ErrorInfo, *, retry_after_s: float | None = None) -> None:
        """Keep the error for the report, and how long to wait."""
        super().__init__(info)
        self.retry_after_s = retry_after_s


class TransientError(RequestError):
    """
    Throttled, unreachable, or a server error, after every retry.

    Attributes:
        may_have_landed: True when the service may have acted on the request although no usable answer came back.
        retry_after_s: Seconds that the service asks to wait; None if it asks for none.
    """

    def __init__(self, info: ErrorInfo, *, may_have_landed: bool = False, retry_after_s: float | None = None) -> None:
        """Keep the error for the report, whether the write may have happened, and how long to wait."""
        super().__init__(info)
        self.may_have_landed = may_have_landed
        self.retry_after_s = retry_after_s


class UnusableAnswerError(RequestError):
    """The answer has no information about the resource; in particular it does not mean that the resource is missing."""


class ForeignOriginError(RequestError):
    """A link in an answer leads to another origin. Nothing was sent there."""


class PackageError(ReconcilerError):
    """Azure could not read a package that a PUT names, or no signature for it can be made. The PUT was not sent."""

    def __init__(self, info: ErrorInfo) -> None:
        """Keep the error for the report."""
        super().__init__(f"{info.code}: {info.message}")
        self.info = info
