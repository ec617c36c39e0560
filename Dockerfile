# Two stages: the first compiles, the second holds what runs, without compiler, tests and package manager's cache.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Install scripts are not needed: nothing that is built or runs here has any of its own.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY batches batches
COPY consumers consumers
COPY producers producers
COPY sandbox sandbox
COPY src src
# The pages, of which the build makes a site.
COPY docs docs
COPY README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md ./
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/docs docs
RUN ln -s /app/dist/src/cli.js /usr/local/bin/disburse
# New volumes mounted here belong to the user that runs disburse.
RUN install -d -o node -g node -m 0700 /keys /data && install -d -o node -g node /inbox
ENV DATA_DIR=/data NODE_COMPILE_CACHE=/tmp/compile-cache
# By number, so that an orchestrator can see that it is not root.
USER 1000:1000
# No .env is read from here; configuration comes from the environment.
WORKDIR /data
# cli.js starts itself with the options it wants; node is then process 1 and answers SIGTERM and SIGINT.
ENTRYPOINT ["disburse"]
CMD ["--help"]
