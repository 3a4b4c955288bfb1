// Read by pi when `kagura run` starts it: its providers are led to the addresses that the environment names.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const ADDRESSES = [
  ["anthropic", "ANTHROPIC_BASE_URL", ""],
  ["openai", "OPENAI_BASE_URL", ""],
  ["google", "GOOGLE_GEMINI_BASE_URL", "/v1beta"],
  ["groq", "GROQ_API_BASE", ""],
  ["openrouter", "OPENROUTER_API_BASE", ""],
  ["xai", "XAI_API_BASE", ""],
  ["cerebras", "CEREBRAS_API_BASE", ""],
];

// Addresses that the user has set in pi's own file stay.
function configured() {
  const folder = process.env.PI_CODING_AGENT_DIR || join(homedir(), ".pi", "agent");
  try {
    return JSON.parse(readFileSync(join(folder, "models.json"), "utf8")).providers ?? {};
  } catch {
    return {};
  }
}

export default function (pi) {
  const theirs = configured();
  for (const [provider, variable, path] of ADDRESSES) {
    const address = process.env[variable];
    if (address && !theirs[provider]?.baseUrl) pi.registerProvider(provider, { baseUrl: address + path });
  }
}
