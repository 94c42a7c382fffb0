# One image a service: `docker build --target producer .` (or batch-cleaner, or stream-analytics). All three come from one
# compilation.

FROM rust:1.95-bookworm AS toolchain
# For librdkafka's C sources (zlib, zstd, TLS).
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
ENV CARGO_PROFILE_RELEASE_STRIP=symbols

# The workspace with empty sources. It is the same, byte for byte, until a manifest changes.
FROM toolchain AS manifests
COPY . .
RUN find . -name '*.rs' ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -path '*/benches/*' ! -path '*/examples/*' -delete \
    && find . -type f ! -name 'Cargo.*' ! -name '*.toml' ! -name '*.rs' -delete \
    && find . -mindepth 2 -maxdepth 2 -name Cargo.toml -execdir mkdir -p src ';' -execdir touch src/lib.rs ';' \
    && echo 'fn main() {}' | tee $(find . -name '*.rs') >/dev/null \
    && find . -type d -empty -delete

# Third-party crates, compiled anew only when a manifest or the lock changes. They lie in a layer, not in a cache mount: cargo
# tells what is stale by file times, and a target folder that several checkouts share would hand one the other's binaries.
FROM toolchain AS dependencies
COPY --from=manifests /source .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    cargo build --release --locked --bins --features ssl -p producer -p batch-cleaner -p stream-analytics \
    && cargo clean --release --locked -p common -p producer -p batch-cleaner -p stream-analytics

FROM dependencies AS builder
COPY common common
COPY producer producer
COPY batch-cleaner batch-cleaner
COPY stream-analytics stream-analytics
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    cargo build --release --locked --bins --features ssl -p producer -p batch-cleaner -p stream-analytics

FROM debian:bookworm-slim AS runtime
# The certificates of public authorities, for brokers that have one.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*.log /var/log/apt \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin retail \
    && install -d -o retail -g retail /var/lib/retail
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="Retail pipeline" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
# Only /var/lib/retail is its own, to mount a volume on.
USER 10001:10001
WORKDIR /
STOPSIGNAL SIGTERM
# Logs are for machines here.
ENV RETAIL_LOG_FORMAT=json

FROM runtime AS producer
LABEL org.opencontainers.image.title="producer" \
      org.opencontainers.image.description="Generates receipts, numbers and dirty sales files"
# For the check below; --http 0.0.0.0:8080 shows it to others.
ENV RETAIL_HTTP=127.0.0.1:8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["producer", "health"]
COPY --from=builder /source/target/release/producer /usr/local/bin/
ENTRYPOINT ["producer"]
CMD ["receipts"]

FROM runtime AS batch-cleaner
LABEL org.opencontainers.image.title="batch-cleaner" \
      org.opencontainers.image.description="Turns a dirty sales CSV into typed, repaired, validated rows"
# It works and ends: its health is its exit status.
HEALTHCHECK NONE
COPY --from=builder /source/target/release/batch-cleaner /usr/local/bin/
ENTRYPOINT ["batch-cleaner"]
CMD ["--help"]

FROM runtime AS stream-analytics
LABEL org.opencontainers.image.title="stream-analytics" \
      org.opencontainers.image.description="Event-time windows over receipts, exactly once, with a live dashboard"
ENV RETAIL_HTTP=127.0.0.1:8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["stream-analytics", "health"]
COPY --from=builder /source/target/release/stream-analytics /usr/local/bin/
ENTRYPOINT ["stream-analytics"]
