# One image for every command: `docker run chat-enricher worker`, `… stand-in`, `… enqueue ID`.

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim AS runtime
ARG REVISION=unknown
LABEL org.opencontainers.image.title="chat-enricher" \
      org.opencontainers.image.description="Takes chat connection ids from a Redis queue, asks a SOAP service for each, publishes one result per lookup." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"
# With the heap limit a worker takes about 130 MB at full speed, and some 150 without one (docs/performance.md). Raise
# it for SOAP_MAX_RESPONSE_BYTES or CONCURRENCY far above their defaults, because it is also where the process dies.
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-old-space-size=128 --max-semi-space-size=8" \
    CHAT_ENRICHER_REVISION=${REVISION}
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist

# `node` by number: Kubernetes can only tell from a number that it is not root.
USER 1000:1000
EXPOSE 9464

# Of the worker; a container with another command says how it is checked, or --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.METRICS_PORT ?? 9464) + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# Exec form: SIGTERM reaches the program itself, which hands its lookups back before it ends.
ENTRYPOINT ["node", "dist/main.js"]
CMD ["worker"]
