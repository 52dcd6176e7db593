// Entities in a text. Shown with the CSS Custom Highlight API: the text stays one node, so nothing of it is ever markup.
// Offsets in the answer count code points; the browser counts UTF-16 units.
const tool = document.querySelector("[data-tool=spans]");
const source = tool.querySelector(".source");
const field = tool.querySelector("input[name=value]");
const list = tool.querySelector(".marked");
const related = tool.querySelector(".related");
const ends = Object.fromEntries([...tool.querySelectorAll("[data-end]")].map((one) => [one.dataset.end, one]));
const labels = [...tool.querySelectorAll("[data-label]")].map((button) => button.dataset.label);
const text = source.textContent;
const node = source.firstChild;
const given = JSON.parse(field.value || "{}");
const answer = { spans: given.spans ?? [], relations: given.relations ?? [] };
const word = { start: 0, end: 0 };

const points = [0];
const units = [0];
for (const character of text) {
  for (let unit = 0; unit < character.length; unit += 1) points[units.at(-1) + unit] = units.length - 1;
  units.push(units.at(-1) + character.length);
}
points[text.length] = units.length - 1;

function range(start, end) {
  const made = new Range();
  made.setStart(node, start);
  made.setEnd(node, end);
  return made;
}

function shown(span) {
  return text.slice(units[span.start], units[span.end]);
}

function element(name, content, handlers = {}) {
  const made = document.createElement(name);
  made.textContent = content;
  for (const [kind, handler] of Object.entries(handlers)) made.addEventListener(kind, handler);
  return made;
}

function paint() {
  labels.slice(0, 8).forEach((_, number) => CSS.highlights.delete(`swatch-${number}`));
  const groups = new Map();
  for (const span of answer.spans) {
    const number = Math.max(labels.indexOf(span.label), 0) % 8;
    groups.set(number, [...(groups.get(number) ?? []), range(units[span.start], units[span.end])]);
  }
  for (const [number, ranges] of groups) CSS.highlights.set(`swatch-${number}`, new Highlight(...ranges));
}

function remove(span) {
  answer.spans = answer.spans.filter((one) => one !== span);
  answer.relations = answer.relations.filter((one) => one.source !== span.id && one.target !== span.id);
  render(true);
}

function render(changed) {
  paint();
  answer.spans.sort((one, other) => one.start - other.start || one.end - other.end);
  list.replaceChildren(
    ...answer.spans.map((span) => {
      const item = document.createElement("li");
      const button = element("button", "Remove", { click: () => remove(span) });
      button.type = "button";
      button.setAttribute("aria-label", `Remove ${span.label}: ${shown(span)}`);
      item.append(element("strong", span.label), element("q", shown(span)), button);
      return item;
    }),
  );
  if (related) {
    const named = (id) => shown(answer.spans.find((span) => span.id === id));
    related.replaceChildren(
      ...answer.relations.map((relation) => {
        const item = document.createElement("li");
        const button = element("button", "Remove", {
          click: () => {
            answer.relations = answer.relations.filter((one) => one !== relation);
            render(true);
          },
        });
        button.type = "button";
        item.append(element("q", named(relation.source)), element("strong", relation.label), element("q", named(relation.target)), button);
        return item;
      }),
    );
    for (const end of [ends.source, ends.target]) {
      const chosen = end.value;
      end.replaceChildren(...answer.spans.map((span) => Object.assign(element("option", `${shown(span)} (${span.label})`), { value: span.id })));
      if (answer.spans.some((span) => span.id === chosen)) end.value = chosen;
    }
  }
  field.value = JSON.stringify(answer);
  if (changed) field.dispatchEvent(new Event("change", { bubbles: true }));
}

function selected() {
  const selection = getSelection();
  if (selection.rangeCount && !selection.isCollapsed) {
    const chosen = selection.getRangeAt(0);
    if (source.contains(chosen.commonAncestorContainer)) {
      const lead = chosen.toString().length - chosen.toString().trimStart().length;
      const start = chosen.startOffset + lead;
      return { start, end: start + chosen.toString().trim().length };
    }
  }
  return word;
}

function mark(label) {
  const { start, end } = selected();
  if (start >= end) return;
  const span = { start: points[start], end: points[end], label };
  const same = answer.spans.find((one) => one.start === span.start && one.end === span.end && one.label === label);
  if (same) return remove(same);
  const taken = new Set(answer.spans.map((one) => one.id));
  let number = answer.spans.length;
  while (taken.has(`s${number}`)) number += 1;
  answer.spans.push({ id: `s${number}`, ...span });
  getSelection().removeAllRanges();
  render(true);
}

// By keyboard: the arrow keys go from word to word, with Shift they widen what is chosen.
const words = [...text.matchAll(/[\p{L}\p{N}_]+/gu)].map((found) => [found.index, found.index + found[0].length]);
source.addEventListener("keydown", (event) => {
  const back = event.key === "ArrowLeft";
  if (!back && event.key !== "ArrowRight") return;
  event.preventDefault();
  getSelection().removeAllRanges();
  if (event.shiftKey && word.end) {
    const following = words.find(([start]) => start >= word.end);
    const last = words.filter(([start, end]) => start > word.start && end < word.end).at(-1);
    if (!back && following) word.end = following[1];
    if (back) word.end = last ? last[1] : words.find(([start]) => start === word.start)[1];
  } else {
    const next = back ? words.filter(([, end]) => end <= word.start).at(-1) : words.find(([start]) => start >= (word.end || 0));
    if (next) [word.start, word.end] = next;
  }
  CSS.highlights.set("caret", new Highlight(range(word.start, word.end)));
});
source.addEventListener("mousedown", () => {
  word.start = word.end = 0;
  CSS.highlights.delete("caret");
});

for (const button of tool.querySelectorAll("[data-label]")) {
  button.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the selection
  button.addEventListener("click", () => mark(button.dataset.label));
}
tool.querySelector("[data-relate]")?.addEventListener("click", () => {
  const relation = { source: ends.source.value, target: ends.target.value, label: ends.label.value };
  const known = answer.relations.some((one) => one.source === relation.source && one.target === relation.target && one.label === relation.label);
  if (!relation.source || relation.source === relation.target || known) return;
  answer.relations.push(relation);
  render(true);
});
render(false);
