# The reconciler and Python, as an unprivileged user; manifests are mounted at /work.
#
#   docker build --tag reconciler .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work:ro" reconciler validate
#
# The image has no git: pass the commit in RECONCILER_COMMIT, and use --against and --changed-since elsewhere.
FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build

WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
COPY deploy/requirements.txt deploy/
# Only locked dependencies, and no code of a package runs during the build.
RUN python -m venv /opt/reconciler \
    && /opt/reconciler/bin/pip install --only-binary :all: --no-deps --require-hashes -r deploy/requirements.txt
COPY pyproject.toml README.md ./
COPY deploy/version.py deploy/
COPY schemas schemas
COPY reconciler reconciler
RUN /opt/reconciler/bin/pip install --no-deps --no-build-isolation . \
    && /opt/reconciler/bin/pip uninstall --yes hatchling pathspec pluggy tomlkit trove-classifiers pip \
    && /opt/reconciler/bin/reconciler schema

FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
# A number, so that Kubernetes can verify that it is not root.
USER 65532:65532
ENTRYPOINT ["reconciler"]
CMD ["--help"]
