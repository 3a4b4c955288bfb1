"""The units that providers bill: tokens of each kind, tools, and the measures that stand in for tokens."""

TOKEN_UNITS = frozenset(
    [
        *("input", "output", "cache_read", "cache_write", "cache_write_1h", "cache_write_12h", "reasoning", "citation"),
        *("audio_input", "audio_output", "audio_cache_read", "audio_cache_write"),
        *("image_input", "image_output", "image_cache_read", "video_input", "video_output"),
    ]
)
"""Units that are tokens, whose rates people read for a million."""

OUTPUT_UNITS = frozenset(["output", "reasoning", "audio_output", "image_output", "video_output"])
"""Token units of what the model answers."""

TOOL_UNITS = frozenset(["web_search", "maps_search", "x_search", "file_search", "code_execution", "code_interpreter"])
"""Units of the tools that a provider runs, billed on top of the tokens."""

MEASURES = frozenset(
    [
        *("seconds", "output_seconds", "audio_input_seconds", "video_seconds", "video_input_seconds"),
        *("characters", "output_characters", "images", "image_inputs", "pixels"),
    ]
)
"""Other measures of what tokens count: billed where the price has no rate for the call's tokens."""


def rate_unit(unit: str) -> int:
    """How many of a unit people's prices are for: a million tokens, one of everything else."""
    return 1_000_000 if unit in TOKEN_UNITS else 1
