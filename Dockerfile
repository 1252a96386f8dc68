# An image of tsproxy, built from the checkout: docker build --tag tsproxy .
FROM node:20-slim AS build
WORKDIR /opt/build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm pack --silent --pack-destination /tmp \
 && mkdir -p /opt/tsproxy \
 && tar -xzf /tmp/tsproxy-*.tgz -C /opt/tsproxy --strip-components=1 \
 && cp package-lock.json /opt/tsproxy/

FROM node:20-slim
# Optional packages, as words for `npm install`: --build-arg PACKAGES="jose@6 ajv@8"
ARG PACKAGES=""
WORKDIR /opt/tsproxy
COPY --from=build /opt/tsproxy ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && if [ -n "$PACKAGES" ]; then npm install --no-save --omit=dev --no-audit --no-fund $PACKAGES; fi \
 && npm cache clean --force
ENV PATH="/opt/tsproxy/bin:$PATH" \
    HEALTH_URL="http://127.0.0.1:8080/"
COPY conf/docker.conf /etc/tsproxy/nginx.conf
USER node
RUN tsproxy -t -q -c /etc/tsproxy/nginx.conf
EXPOSE 8080
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch(process.env.HEALTH_URL, { redirect: 'manual' }).then(({ status }) => process.exit(status < 500 ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tsproxy"]
CMD ["-c", "/etc/tsproxy/nginx.conf"]
