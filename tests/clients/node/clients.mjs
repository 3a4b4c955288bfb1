// What the tests do with the npm SDKs: node clients.mjs TASK ADDRESS prints what the client got as JSON.
import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk";
import OpenAI, { APIError } from "openai";

const [, , task, root] = process.argv;
const openai = new OpenAI({ baseURL: `${root}/v1`, apiKey: "sk-test", maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: root, apiKey: "sk-ant-test", maxRetries: 0 });
const messages = [{ role: "user", content: "Good morning? 🌅" }];
const asked = { model: "gpt-4o-mini", messages };
const tools = ["get_weather", "get_time"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: {} } },
}));

async function all(stream) {
  const found = [];
  for await (const part of stream) found.push(part);
  return found;
}

const tasks = {
  "openai-stream": async () => {
    const chunks = await all(await openai.chat.completions.create({ ...asked, tools, stream: true }));
    // Once usage is asked for, OpenAI sets it to null in every chunk but the last.
    return chunks.map(({ usage, ...rest }) => ({ ...rest, used: usage ?? null }));
  },
  "openai-helper": async () => (await openai.chat.completions.stream({ ...asked, tools }).finalChatCompletion()).choices,
  "openai-response": async () => openai.responses.create({ model: "gpt-4o-mini", input: "Good morning?" }),
  "openai-error": async () => {
    try {
      await openai.chat.completions.create(asked);
    } catch (error) {
      if (!(error instanceof APIError)) throw error;
      return { status: error.status, message: error.message, body: error.error, id: error.requestID };
    }
  },
  "anthropic-stream": async () => {
    const stream = anthropic.messages.stream({ model: "claude-haiku-4-5", max_tokens: 4000, messages });
    const heard = [];
    stream.on("streamEvent", (event) => heard.push(event.type));
    return { heard, message: await stream.finalMessage() };
  },
  "anthropic-error": async () => {
    try {
      await anthropic.messages.create({ model: "claude-haiku-4-5", max_tokens: 4000, messages });
    } catch (error) {
      if (!(error instanceof AnthropicError)) throw error;
      return { status: error.status, message: error.message, id: error.requestID };
    }
  },
};

process.stdout.write(JSON.stringify(await tasks[task]()));
