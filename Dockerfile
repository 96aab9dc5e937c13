# Two images out of one build:
#   docker build --target runtime    -t sabot/runtime:0.1.0 .
#   docker build --target controller -t sabot/controller:0.1.0 .
# RocksDB is compiled from its bundled source here, so the first build takes half an hour or so.

FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake libclang-dev libcurl4-openssl-dev \
        libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /sabot
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/sabot/target \
    cargo build --release --locked --workspace --bin sabot --bin sabot-controller \
    && mkdir /out \
    && strip --strip-debug -o /out/sabot target/release/sabot \
    && strip --strip-debug -o /out/sabot-controller target/release/sabot-controller

FROM debian:bookworm-slim AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 sabot \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir / --shell /usr/sbin/nologin sabot
USER 65532:65532

FROM base AS controller
COPY --from=build /out/sabot-controller /usr/local/bin/sabot-controller
ENTRYPOINT ["/usr/local/bin/sabot-controller"]

# Last, so that a build without --target makes what jobs run.
FROM base AS runtime
COPY --from=build /out/sabot /usr/local/bin/sabot
ENTRYPOINT ["/usr/local/bin/sabot"]
