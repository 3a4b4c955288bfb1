"""An agent on google-genai, which calls functions by itself; one of them is a chat of its own, streamed, by hand."""

import sys

from google import genai
from google.genai import types
from world import get_time, get_weather, look_up

client = genai.Client()
MODEL = "gemini-2.5-flash"


def ask_translator(text: str) -> str:
    """Have words translated.

    Args:
        text: The words.
    """
    by_hand = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(
        system_instruction="You translate.", tools=[look_up], automatic_function_calling=by_hand
    )
    chat = client.chats.create(model=MODEL, config=config)
    message = text
    while True:
        parts = [
            part
            for chunk in chat.send_message_stream(message)
            for part in (chunk.candidates[0].content.parts if chunk.candidates else ())
        ]
        calls = [part.function_call for part in parts if part.function_call]
        if not calls:
            return "".join(part.text or "" for part in parts)
        message = [
            types.Part.from_function_response(name=call.name, response={"result": look_up(**call.args)})
            for call in calls
        ]


config = types.GenerateContentConfig(
    system_instruction="You plan trips.", tools=[get_weather, get_time, ask_translator]
)
print(client.models.generate_content(model=MODEL, contents=f"Plan {sys.argv[1]}.", config=config).text)
