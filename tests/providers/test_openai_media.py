from decimal import Decimal

from tests.providers.dialogue import call, sse

FORM = "multipart/form-data; boundary=xyz"


def form(*parts: tuple[str, str]) -> bytes:
    blocks = "".join(f"--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in parts)
    return (blocks + "--xyz--\r\n").encode()


AUDIO = form(('name="file"; filename="a.wav"', "RIFF"), ('name="model"', "gpt-4o-transcribe"), ("name=stream", "true"))


def test_transcripts_count_tokens() -> None:
    usage = {"type": "tokens", "input_tokens": 17, "input_token_details": {"audio_tokens": 17}, "output_tokens": 10}
    read = call("/v1/audio/transcriptions", {"text": "Hello", "usage": usage}, AUDIO, request_type=FORM)
    assert read.request_model == "gpt-4o-transcribe"
    assert read.parameters == {"model": "gpt-4o-transcribe", "stream": "true"}
    assert read.usage and (read.usage.input, read.usage.audio_input, read.usage.output) == (17, 17, 10)
    assert read.output_messages[0].text == "Hello"


def test_transcripts_count_seconds() -> None:
    for answer in ({"text": "Hi", "usage": {"type": "duration", "seconds": 7}}, {"text": "Hi", "duration": 7}):
        read = call("/v1/audio/transcriptions", answer, AUDIO, request_type=FORM)
        assert read.usage and (read.usage.input, read.usage.units) == (None, {"seconds": Decimal(7)})


def test_streamed_transcripts_and_speech() -> None:
    usage = {"input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
    stream = sse(
        {"type": "transcript.text.delta", "delta": "Hel"},
        {"type": "transcript.text.done", "text": "Hello", "usage": usage},
        done=True,
    )
    read = call("/v1/audio/transcriptions", stream, AUDIO, request_type=FORM)
    assert (read.stream, read.complete, read.output_messages[0].text) == (True, True, "Hello")
    assert read.usage and read.usage.output == 45
    ask = {"model": "gpt-4o-mini-tts", "input": "Hello", "stream_format": "sse"}
    stream = sse({"type": "speech.audio.delta", "audio": "AAAA"}, {"type": "speech.audio.done", "usage": usage})
    read = call("/v1/audio/speech", stream, ask)
    assert read.usage and (read.usage.input, read.input_messages[0].text) == (14, "Hello")


def test_speech_as_audio_has_no_usage() -> None:
    read = call("/v1/audio/speech", b"ID3\x04binary", {"model": "tts-1", "input": "Hi"}, content_type="audio/mpeg")
    assert (read.stream, read.complete, read.usage, read.error) == (False, True, None, None)


def test_images_count_tokens_and_pictures() -> None:
    usage = {
        "input_tokens": 11,
        "input_tokens_details": {"image_tokens": 2, "text_tokens": 9},
        "output_tokens": 6240,
        "output_tokens_details": {"image_tokens": 6240},
    }
    answer = {"data": [{"b64_json": "AA"}, {"b64_json": "BB"}], "usage": usage}
    read = call("/v1/images/generations", answer, {"model": "gpt-image-1", "prompt": "a cat"})
    assert read.usage and (read.usage.image_input, read.usage.image_output) == (2, 6240)
    assert read.usage.units == {"images": Decimal(2)}


def test_ocr_counts_pages_and_moderations_tokens() -> None:
    answer = {"model": "mistral-ocr-latest", "pages": [], "usage_info": {"pages_processed": 3}}
    read = call("/v1/ocr", answer, {"model": "mistral-ocr-latest"}, provider="mistral")
    assert read.usage and read.usage.units == {"pages": Decimal(3)}
    usage = {"prompt_tokens": 13, "completion_tokens": 0, "total_tokens": 74}
    read = call("/v1/moderations", {"usage": usage, "results": []}, {"input": "x"}, provider="mistral")
    assert read.usage and (read.usage.input, read.usage.output) == (13, 0)
