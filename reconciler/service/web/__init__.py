"""The pages and answers of ``run --listen``: read-only, without cookies and forms."""
