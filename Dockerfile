# One image for every service; the command chooses which: node dist/apps/<authorization|ledger|mcp|worker>/src/main.js
# and `node dist/db/migrate.js` brings the database up to date.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY db db
COPY libs libs
COPY apps apps
RUN node scripts/build.mjs

# Without the Node and the PostgreSQL that the packages bring for a start on a bare machine: both are optional here.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
EXPOSE 8080
CMD ["node", "dist/apps/authorization/src/main.js"]
