"""What the doors for OpenTelemetry cost those who do not use them."""

import subprocess
import sys


def test_protobuf_is_imported_with_the_first_request_only() -> None:
    code = (
        "import sys, kagura.proxy.api, kagura.collector.service, kagura.otel.decoding as d\n"
        "assert not [name for name in sys.modules if name.startswith(('google.protobuf', 'opentelemetry.proto'))]\n"
        "assert d.check('traces', 'json', b'{}').wrong is None\n"
        "assert 'google.protobuf' not in sys.modules\n"
        "assert d.check('traces', 'protobuf', b'').wrong is None\n"
        "assert 'google.protobuf' in sys.modules\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
