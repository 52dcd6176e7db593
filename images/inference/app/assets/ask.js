// A conversation with the model: questions go to the OpenAI-compatible interface, answers arrive piece by piece.
const conversation = document.querySelector("#conversation");
const form = document.querySelector("#ask");

if (conversation && form) start();

function start() {
  const question = form.querySelector("#question");
  const stop = form.querySelector("#stop");
  const anew = form.querySelector("#anew");
  const announcement = document.querySelector("#announcement");
  let messages = [];
  let running = null;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = question.value.trim();
    if (!text || running) return;
    running = new AbortController();
    stop.hidden = false;
    anew.hidden = true;
    question.value = "";
    messages.push({ role: "user", content: text });
    show("You", text);
    const answer = show(conversation.dataset.model, "");
    answer.setAttribute("aria-busy", "true");
    answer.scrollIntoView({ block: "nearest" });
    try {
      const whole = await ask(messages, answer, running.signal);
      messages.push({ role: "assistant", content: whole });
      announcement.textContent = "The answer is complete.";
    } catch (problem) {
      messages.pop();
      question.value = question.value || text;
      const stopped = problem.name === "AbortError";
      note(answer, stopped ? "You stopped this answer." : problem.message);
      announcement.textContent = stopped ? "Stopped." : problem.message;
    } finally {
      answer.setAttribute("aria-busy", "false");
      running = null;
      stop.hidden = true;
      anew.hidden = false;
      question.focus();
    }
  });

  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && running) running.abort();
  });
  stop.addEventListener("click", () => running?.abort());
  anew.addEventListener("click", () => {
    messages = [];
    conversation.replaceChildren();
    anew.hidden = true;
    question.focus();
  });
}

function show(speaker, text) {
  const article = document.createElement("article");
  article.className = "card turn";
  const heading = document.createElement("h2");
  heading.textContent = speaker;
  const marking = document.createElement("span");
  marking.className = "portion";
  marking.textContent = conversation.dataset.marking;
  heading.append(" ", marking);
  const body = document.createElement("p");
  body.className = "text";
  body.textContent = text;
  article.append(heading, body);
  conversation.append(article);
  return article;
}

function note(article, text) {
  const line = document.createElement("p");
  line.className = "muted";
  line.textContent = text;
  article.append(line);
}

async function ask(messages, article, signal) {
  const response = await fetch("/inference/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      model: conversation.dataset.model,
      messages,
      stream: true,
      max_tokens: Number(conversation.dataset.limit),
    }),
    signal,
  });
  if (!response.ok) throw new Error(await reason(response));
  const body = article.querySelector(".text");
  let cut = false;
  for await (const chunk of events(response.body)) {
    const choice = chunk.choices?.[0];
    if (choice?.delta?.content) body.textContent += choice.delta.content;
    if (choice?.finish_reason === "length") cut = true;
    if (chunk.classification) article.querySelector(".portion").textContent = chunk.classification.marking;
  }
  if (cut) note(article, "The answer was cut at its longest length.");
  return body.textContent;
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
      if (line.startsWith("data: {")) yield JSON.parse(line.slice(6));
    }
  }
}

async function reason(response) {
  if (response.status === 401) return "Your session is over. Load this page again to open a new one.";
  if (response.status === 404) return "You may not ask the model here. An officer can say why, by the reference in the log.";
  try {
    const { error } = await response.json();
    return error.message ?? String(error);
  } catch {
    return `The model did not answer (${response.status}).`;
  }
}
