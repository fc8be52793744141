FROM python:3.12-slim

WORKDIR /app
COPY requirements.lock requirements-databases.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock -r requirements-databases.lock
COPY . .
# a volume that is new takes over the owner of the folder it covers
RUN useradd --create-home risk \
    && python -m compileall -q . \
    && mkdir ingesteddata models production_deployment \
    && chown risk ingesteddata models production_deployment
USER risk

# loopback would be the container's own; the server refuses this address without RISK_API_TOKEN
ENV RISK_BIND=0.0.0.0:8000
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "wsgi:app"]
