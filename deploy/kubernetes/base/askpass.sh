#!/bin/sh
# Answers git's questions for a user and a password with the token of the secret reconciler-git.
case "$1" in
Username*) echo reconciler ;;
*) cat "${GIT_TOKEN_FILE:-/run/secrets/git/token}" ;;
esac
