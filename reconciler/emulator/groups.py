"""The rows around the resources: resource groups, and which providers a subscription has not registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


class GroupTables:
    """Resource groups and provider registrations of one world."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Use *db*, which has its tables."""
        self._db = db

    def group(self, key: str) -> str | None:
        """Return the stored answer of a resource group; None if it was never created."""
        row = self._db.execute("SELECT body FROM resource_groups WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def groups(self, prefix: str) -> list[str]:
        """Return the answers of all resource groups whose key begins with *prefix*, which ends with a slash."""
        rows = self._db.execute(
            "SELECT body FROM resource_groups WHERE key > ? AND key < ? ORDER BY key", (prefix, prefix[:-1] + "0")
        )
        return [body for (body,) in rows]

    def save_group(self, key: str, body: str) -> None:
        """Create or replace a resource group."""
        self._db.execute("INSERT OR REPLACE INTO resource_groups VALUES (?, ?)", (key, body))

    def remove_group(self, key: str) -> None:
        """Remove a resource group without a check of its resources."""
        self._db.execute("DELETE FROM resource_groups WHERE key = ?", (key,))

    def is_registered(self, subscription: str, namespace: str) -> bool:
        """Return whether the subscription may use the provider; it may unless it was unregistered."""
        row = self._db.execute(
            "SELECT 1 FROM unregistered WHERE subscription = ? AND namespace = ?",
            (subscription.lower(), namespace.lower()),
        ).fetchone()
        return row is None

    def register(self, subscription: str, namespace: str, *, registered: bool = True) -> None:
        """Register a provider, or take its registration away."""
        row = (subscription.lower(), namespace.lower())
        if registered:
            self._db.execute("DELETE FROM unregistered WHERE subscription = ? AND namespace = ?", row)
        else:
            self._db.execute("INSERT OR IGNORE INTO unregistered VALUES (?, ?)", row)
