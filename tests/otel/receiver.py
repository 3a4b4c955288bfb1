"""A real OTLP/HTTP receiver: it decodes what arrives, and answers as it was told."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Received(NamedTuple):
    """A span as it arrived."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    status: int
    message: str
    start: int
    end: int
    attributes: dict[str, Any]


class Answer(NamedTuple):
    """What the receiver says to a request."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


OK = Answer()


def partial(rejected: int, message: str) -> Answer:
    """Taken, but for some spans."""
    told = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return Answer(body=ExportTraceServiceResponse(partial_success=told).SerializeToString())


class Receiver:
    """What arrived, in order; `answers` are given first, one a request, then `always`."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.taken: list[Received] = []
        """The spans of requests that were answered with a success."""
        self.answers: list[Answer] = []
        self.always = OK
        self.refuses: set[str] = set()
        """Names of spans for which a whole request is answered with 400."""
        self.url = ""

    def names(self) -> list[str]:
        """Names of the spans that were taken."""
        return [span.name for span in self.taken]

    def one(self, name: str) -> Received:
        """The only span of that name."""
        (found,) = [span for span in self.taken if span.name == name]
        return found

    def answer_to(self, path: str, headers: dict[str, str], data: bytes) -> Answer:
        """Decode a request and decide on it."""
        if headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        request = ExportTraceServiceRequest.FromString(data)
        self.requests.append(request)
        self.headers.append(headers)
        self.paths.append(path)
        spans = list(received(request))
        answer = self.answers.pop(0) if self.answers else self.always
        if self.refuses & {span.name for span in spans}:
            answer = Answer(400, body=b"a span is malformed")
        if answer.status == 200:
            self.taken += spans
        return answer


def received(request: ExportTraceServiceRequest) -> Iterator[Received]:
    """The spans of a request."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Received(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    span.kind,
                    span.status.code,
                    span.status.message,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    {pair.key: plain(pair.value) for pair in span.attributes},
                )


def plain(value: Any) -> Any:
    """An attribute's value as Python has it."""
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [plain(item) for item in found.values] if kind == "array_value" else found


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.answer_to(self.path, headers, data)
            self.send_response(answer.status)
            for name, value in (*answer.headers, ("content-length", str(len(answer.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
