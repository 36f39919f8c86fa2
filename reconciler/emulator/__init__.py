"""
The embedded ARM: an ASGI application over SQLite that behaves as Azure does, for newcomers, tests and offline plans.

It is built on the schemas of the kinds and on its own table of service facts (:mod:`reconciler.emulator.facts`), not on
the reconciler's way of comparing: it models the service, and must be able to disagree.
"""

from reconciler.emulator.app import create_app
from reconciler.emulator.settings import EmulatorSettings

__all__ = ["EmulatorSettings", "create_app"]
