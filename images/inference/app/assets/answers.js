// One streamed answer of the OpenAI-compatible interface.

const PATH = "/inference/v1/chat/completions";

// Ask, and tell what arrives.
//
//   model    {model, limit}: the model's name, and the most tokens of an answer
//   messages the conversation, the question last
//   signal   ends it
//   told     {text, marking, tokens, note}: called with each piece, its marking, the count of all tokens, and remarks
//
// Returns the whole text. Throws an Error whose message is for the person who asked.
export async function answered(model, messages, signal, told) {
  const response = await fetch(PATH, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      model: model.model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: Number(model.limit),
    }),
    signal,
  });
  if (!response.ok) throw new Error(await reason(response));
  let whole = "";
  let ended = false;
  let cut = false;
  for await (const data of events(response.body)) {
    if (data === "[DONE]") {
      ended = true;
      continue;
    }
    const chunk = JSON.parse(data);
    if (chunk.classification) told.marking(chunk.classification.marking);
    if (chunk.error) throw new Error(`This answer ended: ${chunk.error.message}`);
    if (chunk.usage) told.tokens(chunk.usage.total_tokens);
    const choice = chunk.choices?.[0];
    if (choice?.delta?.content) {
      whole += choice.delta.content;
      told.text(choice.delta.content);
    }
    if (choice?.finish_reason === "length") cut = true;
  }
  if (!ended) throw new Error("The answer broke off. What is here is not whole: ask again.");
  if (cut) told.note("The answer was cut at its longest length.");
  return whole;
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: ")) yield line.slice(6);
    }
  }
}

async function reason(response) {
  if (response.status === 401) return "Your session is over. Load this page again to open a new one.";
  if (response.status === 404) return "You may not ask the model here. An officer can say why, by the reference in the log.";
  try {
    const { error } = await response.json();
    const message = error.message ?? String(error);
    return message.includes("context size") ? `The conversation is too long for the model: ${message}. Begin a new one.` : message;
  } catch {
    return `The model did not answer (${response.status}).`;
  }
}
