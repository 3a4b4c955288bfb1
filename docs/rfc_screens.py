"""The screens of RFC-021, as they stand there."""

TIMELINE = """\
[my_agent] Execution Timeline:
├─ LLM Call (gpt-4o) .......... 2.3s  [$0.0023]
├─ Tool: search_tool .......... 1.5s
├─ LLM Call (gpt-4o) .......... 2.1s  [$0.0021]
└─ Total ...................... 5.9s  [$0.0044]

⚠️ LLM calls taking 75% of time
💡 Consider caching or using faster model
"""

COST = """\
Daily Cost Summary (2025-10-10):
├─ my_agent ................... $2.45 (145 calls)
├─ translation_agent .......... $0.89 (67 calls)
└─ code_review_agent .......... $1.23 (34 calls)

Total: $4.57
Projected monthly: ~$137
"""

LOG = """\
[17:45:23] my_agent started
[17:45:23]   ├─ Memory lookup: 3 messages retrieved
[17:45:24]   ├─ LLM call: gpt-4o (512 tokens)
[17:45:26]   │  └─ Response: "I need to search for..."
[17:45:26]   ├─ Tool: search_tool(query="...")
[17:45:28]   │  └─ Result: [10 results]
[17:45:28]   ├─ LLM call: gpt-4o (1024 tokens)
[17:45:30]   │  └─ Response: "Based on the search..."
[17:45:30]   └─ Completed (7.2s, $0.0044)
"""

MONITOR = """\
┌─ Kagura Agent Monitor ────────────────────────────┐
│ Active Agents: 2                                   │
│ Total Calls: 145                                   │
│ Total Cost: $4.57                                  │
└────────────────────────────────────────────────────┘

┌─ Recent Activity ──────────────────────────────────┐
│ 17:45:30 my_agent       COMPLETED  7.2s   $0.0044 │
│ 17:45:28 translate      COMPLETED  2.1s   $0.0012 │
│ 17:45:25 my_agent       RUNNING    3.5s   -       │
│ 17:45:22 code_review    COMPLETED  4.8s   $0.0031 │
└────────────────────────────────────────────────────┘

┌─ Performance ──────────────────────────────────────┐
│ Avg Response Time: 4.2s                            │
│ P95 Response Time: 8.1s                            │
│ Success Rate: 98.5%                                │
└────────────────────────────────────────────────────┘
"""

AGENT = """\
┌─ my_agent ─────────────────────────────────────────┐
│ Status: RUNNING                                    │
│ Calls Today: 145                                   │
│ Avg Duration: 5.2s                                 │
│ Total Cost: $2.45                                  │
└────────────────────────────────────────────────────┘

┌─ LLM Usage ────────────────────────────────────────┐
│ Model: gpt-4o                                      │
│ Total Calls: 290 (2 per agent call)                │
│ Avg Tokens: 768 prompt, 512 completion            │
│ Cost: $2.45                                        │
└────────────────────────────────────────────────────┘

┌─ Tools Used ───────────────────────────────────────┐
│ search_tool .................. 87 calls (60%)     │
│ calculate_tool ............... 45 calls (31%)     │
│ file_read .................... 13 calls (9%)      │
└────────────────────────────────────────────────────┘

┌─ Slow Requests ────────────────────────────────────┐
│ 17:42:15  12.3s  Complex search query             │
│ 17:38:42  11.8s  Large file processing            │
│ 17:35:11  10.9s  Multiple tool calls              │
└────────────────────────────────────────────────────┘
"""

TRACE = """\
Execution Trace: my_agent (exec_abc123)
Started: 2025-10-10 17:45:23
Duration: 7.2s
Cost: $0.0044

Timeline:
 0.0s ┌─ Agent Started
 0.1s │  ├─ Memory Lookup (3 messages)
 1.2s │  ├─ LLM Call #1 [gpt-4o]
      │  │    Prompt: 512 tokens ($0.0010)
      │  │    Completion: 128 tokens ($0.0013)
      │  │    Duration: 2.1s
      │  │    Response: "I need to search..."
 3.3s │  ├─ Tool Call: search_tool
      │  │    Args: {query: "..."}
      │  │    Duration: 1.5s
      │  │    Result: [10 results]
 4.8s │  ├─ LLM Call #2 [gpt-4o]
      │  │    Prompt: 1024 tokens ($0.0020)
      │  │    Completion: 256 tokens ($0.0026)
      │  │    Duration: 2.2s
      │  │    Response: "Based on the search..."
 7.0s │  ├─ Memory Store
 7.2s └─ Agent Completed

Summary:
- LLM Calls: 2 (4.3s, $0.0044)
- Tool Calls: 1 (1.5s)
- Memory Ops: 2 (0.1s)
"""
