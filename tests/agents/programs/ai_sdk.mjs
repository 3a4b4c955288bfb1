// The AI SDK on the Responses API, streamed; a tool runs another agent.
import { openai } from "@ai-sdk/openai";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const model = openai("gpt-4o-mini");
const told = (description, name, seconds, say) =>
  tool({
    description,
    inputSchema: z.object({ [name]: z.string() }),
    execute: async (given) => {
      await sleep(seconds * 1000);
      return say(given[name]);
    },
  });
const stopWhen = stepCountIs(8);

const translator = (prompt) =>
  generateText({
    model,
    stopWhen,
    prompt,
    system: "You translate.",
    tools: { look_up: told("Look a word up.", "word", 0.2, (word) => `${word} means journey`) },
  });

const planner = streamText({
  model,
  stopWhen,
  system: "You plan trips.",
  prompt: `Plan ${process.argv[2]}.`,
  tools: {
    get_weather: told("Tell the weather.", "city", 0.3, (city) => `sunny in ${city}`),
    get_time: told("Tell the time.", "zone", 0.15, (zone) => `noon in ${zone}`),
    ask_translator: tool({
      description: "Have words translated.",
      inputSchema: z.object({ text: z.string() }),
      execute: async ({ text }) => (await translator(text)).text,
    }),
  },
});
for await (const part of planner.textStream) process.stdout.write(part);
console.log();
