"""The server as it was first sketched, for comparison: FastAPI, a token check, and the SDK of
OpenTelemetry with its batch processor and its OTLP exporter. One process, as uvicorn runs it."""

import argparse
import json
import os
import socket
import time
from datetime import datetime, timezone

import jwt

SECRET = os.environ["SOLIPLEX_INGEST_AUTH__HS256_SECRET"]
MAX_BYTES = 1 << 20
SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warning": 13, "error": 17, "fatal": 21}


def application():
    from fastapi import FastAPI, Request, Response
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    exporter = OTLPLogExporter(
        endpoint=os.environ["SOLIPLEX_INGEST_FORWARD__ENDPOINT"], compression=Compression.Gzip
    )
    provider = LoggerProvider(resource=Resource.create({"service.name": "ingest"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    loggers = {}
    app = FastAPI()

    def nanos(text):
        return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e9)

    @app.post("/api/v1/logs")
    async def logs(request: Request):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return Response(status_code=401)
        body = await request.body()
        if len(body) > MAX_BYTES:
            return Response(status_code=413)
        payload = json.loads(body)
        received = datetime.now(timezone.utc).isoformat()
        for record in payload["logs"]:
            name = record["logger"]
            if name not in loggers:
                loggers[name] = provider.get_logger(name)
            attributes = dict(record.get("attributes") or {})
            attributes["client_timestamp"] = record["timestamp"]
            attributes["server_received_at"] = received
            attributes["install.id"] = record.get("installId")
            attributes["session.id"] = record.get("sessionId")
            attributes["user.id"] = record.get("userId") or claims["sub"]
            if record.get("error"):
                attributes["exception.message"] = record["error"]
                attributes["exception.stacktrace"] = record.get("stackTrace") or ""
            level = record["level"]
            loggers[name].emit(
                LogRecord(
                    timestamp=nanos(record["timestamp"]),
                    observed_timestamp=time.time_ns(),
                    severity_number=SeverityNumber(SEVERITIES.get(level, 0)),
                    severity_text=level.upper(),
                    body=record["message"],
                    attributes=attributes,
                )
            )
        return {"accepted": len(payload["logs"])}

    @app.get("/metrics")
    def metrics():
        # What the load generator waits for: nothing pending once the processor has been flushed.
        provider.force_flush(60_000)
        return Response("soliplex_ingest_records_pending 0\n", media_type="text/plain")

    return app


def serve():
    import uvicorn

    # Before anybody is told where to knock, so that loading Python's modules is not measured.
    app = application()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def token(user, session):
    claims = {"sub": user, "sid": session, "exp": int(time.time()) + 3600}
    print(jwt.encode(claims, SECRET, algorithm="HS256"))


parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["serve", "token"])
parser.add_argument("--user", default="nobody")
parser.add_argument("--session", default="none")
words = parser.parse_args()
if words.command == "serve":
    serve()
else:
    token(words.user, words.session)
