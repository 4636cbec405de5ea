# syntax=docker/dockerfile:1

FROM oven/bun:1.4.5-slim AS dependencies
WORKDIR /app
COPY package.json bun.lock ./
# Tiercel is a library first, so what its service runs on is listed under devDependencies.
# Of that list, tools and other runtimes stay behind.
RUN bun install --frozen-lockfile --ignore-scripts \
  && rm -r node_modules/@arethetypeswrong node_modules/@biomejs node_modules/@deno node_modules/@typescript node_modules/bun

FROM oven/bun:1.4.5-slim
WORKDIR /app
ENV HOST=0.0.0.0 PORT=3000
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json tsconfig.json bunfig.toml ./
COPY otel ./otel
COPY src ./src
USER bun
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["bun", "-e", "const { ok } = await fetch(`http://127.0.0.1:${process.env.PORT}/livez`); process.exit(ok ? 0 : 1)"]
# Bun itself is the first process, so that the signal to stop reaches the service.
CMD ["bun", "--preload", "./otel/preload.ts", "src/service/main.ts"]
