"""The reviewers' side: one comment on a pull request, kept up to date on the host that has the code."""
