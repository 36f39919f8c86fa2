# The reconciler and Python, as an unprivileged user; manifests are mounted at /work.
#
#   docker build --tag reconciler .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work:ro" reconciler validate
#
# The loop: its state needs a volume, and its port an address that is not the container's own. `deploy/kubernetes` has the
# same for a cluster.
#
#   docker run --read-only --tmpfs /tmp --volume reconciler:/var/lib/reconciler --publish 127.0.0.1:8080:8080 reconciler \
#     run --git-repo https://git.example.net/estate.git --git-ref main --state-dir /var/lib/reconciler \
#     --listen 0.0.0.0:8080 --listen-anywhere
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

# git for --git-repo and causes; ssh for its URLs, and for signatures of SSH keys; gpg for those of OpenPGP keys. ssh
# refuses a user without a name.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git gpg openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 reconciler \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /var/lib/reconciler --shell /usr/sbin/nologin reconciler \
    && install --directory --owner 65532 --group 65532 --mode 0700 /var/lib/reconciler
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
VOLUME /var/lib/reconciler
# A number, so that Kubernetes can verify that it is not root.
USER 65532:65532
ENTRYPOINT ["reconciler"]
CMD ["--help"]
