#!/usr/bin/env bash
# install.sh FOLDER: install the reconciler of this checkout and its locked dependencies into a virtual environment.
#
# The working folder may be the checkout of a pull request. Python runs isolated (-I), so that no module of it is imported.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:?install.sh FOLDER: the folder of the virtual environment}
python=${PYTHON:-python3}

"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "install: $python is older than Python 3.11, or missing: set PYTHON to a newer one" >&2
  exit 64
}
"$python" -I -m venv "$folder"
pip() { "$folder/bin/python" -I -m pip --quiet --disable-pip-version-check "$@"; }
pip install --no-deps --require-hashes -r "$checkout/deploy/requirements.txt"
pip install --no-deps --no-build-isolation "$checkout"
