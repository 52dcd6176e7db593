// A conversation with the model: questions go to the OpenAI-compatible interface, answers arrive piece by piece.
import { answered } from "./answers.js";

const conversation = document.querySelector("#conversation");
const form = document.querySelector("#ask");
const CHARACTERS_PER_TOKEN = 4; // of English text; the engine's own count replaces the guess with each answer

if (conversation && form) start();

function start() {
  const question = form.querySelector("#question");
  const stop = form.querySelector("#stop");
  const anew = form.querySelector("#anew");
  const meter = form.querySelector("#meter");
  const announcement = document.querySelector("#announcement");
  const room = Number(conversation.dataset.context) - Number(conversation.dataset.limit);
  let messages = []; // as the interface takes them
  let used = 0; // tokens of all of them, as the engine counted
  let running = null;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = question.value.trim();
    if (!text || running) return;
    question.value = "";
    turn(text);
  });

  async function turn(text) {
    running = new AbortController();
    stop.hidden = false;
    anew.hidden = true;
    const before = messages.length;
    messages.push({ role: "user", content: text });
    const asked = show("You", text);
    action(asked, "Edit", () => branch(asked, before, text));
    const answer = show(conversation.dataset.model, "");
    answer.setAttribute("aria-busy", "true");
    answer.scrollIntoView({ block: "nearest" });
    try {
      const body = answer.querySelector(".text");
      const portion = answer.querySelector(".portion");
      const whole = await answered(conversation.dataset, messages, running.signal, {
        text: (piece) => { body.textContent += piece; },
        marking: (marking) => { portion.textContent = marking; },
        tokens: (count) => { used = count; },
        note: (words) => note(answer, words),
      });
      messages.push({ role: "assistant", content: whole });
      fences(body, whole);
      action(answer, "Copy with marking", () => copy(whole, portion.textContent));
      action(answer, "Ask again", () => again(asked, before, text));
      announcement.textContent = "The answer is complete.";
    } catch (problem) {
      messages.length = before;
      question.value = question.value || text;
      const stopped = problem.name === "AbortError";
      note(answer, stopped ? "You stopped this answer." : problem.message);
      announcement.textContent = stopped ? "Stopped." : problem.message;
    } finally {
      answer.setAttribute("aria-busy", "false");
      running = null;
      stop.hidden = true;
      anew.hidden = false;
      measure();
      question.focus();
    }
  }

  // Go on from before the turn ``from``; what followed stays in sight, folded.
  function cut(from, before) {
    const earlier = document.createElement("details");
    const summary = document.createElement("summary");
    earlier.className = "card turn";
    const later = [];
    for (let next = from; next; next = next.nextElementSibling) later.push(next);
    summary.textContent = `An earlier branch, ${later.length} parts`;
    from.before(earlier);
    earlier.append(summary, ...later);
    earlier.querySelectorAll("button").forEach((button) => button.remove());
    messages.length = before;
    used = before ? used : 0;
  }

  function branch(from, before, text) {
    if (running) return;
    cut(from, before);
    question.value = text;
    question.focus();
    measure();
  }

  function again(from, before, text) {
    if (running) return;
    cut(from, before);
    turn(text);
  }

  async function copy(text, marking) {
    await navigator.clipboard.writeText(`${marking}\n\n${text}\n\n${marking}\n${conversation.dataset.notice}`);
    announcement.textContent = "Copied with its marking.";
  }

  function measure() {
    const tokens = used + Math.ceil(question.value.length / CHARACTERS_PER_TOKEN);
    meter.value = Math.min(tokens, room);
    meter.max = room;
    meter.high = room * 0.8;
    form.querySelector("#length").textContent = tokens > room
      ? `About ${tokens} tokens, ${tokens - room} more than fit beside an answer: shorten the question, or begin a new conversation.`
      : `About ${tokens} of ${room} tokens.`;
  }

  question.addEventListener("input", measure);
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && running) running.abort();
  });
  stop.addEventListener("click", () => running?.abort());
  anew.addEventListener("click", () => {
    messages = [];
    used = 0;
    conversation.replaceChildren();
    anew.hidden = true;
    measure();
    question.focus();
  });
  measure();
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
  const body = document.createElement("div");
  body.className = "text";
  body.textContent = text;
  article.append(heading, body);
  conversation.append(article);
  return article;
}

function action(article, name, run) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = name;
  button.addEventListener("click", run);
  article.append(button, " ");
}

function note(article, text) {
  const line = document.createElement("p");
  line.className = "muted";
  line.textContent = text;
  article.append(line);
}

// Code between fences in a box of its own. Nothing of a model's text is ever read as HTML.
function fences(body, text) {
  const parts = text.split(/^```.*$/m);
  if (parts.length < 3) return;
  body.replaceChildren(...parts.map((part, number) => {
    const element = document.createElement(number % 2 ? "pre" : "span");
    element.textContent = number % 2 ? part.trim() : part;
    return element;
  }));
}
