// The words of a review: kept in this tab as they are typed, repeated from the last review, and counted.
const form = document.getElementById("words");
const fields = form ? [...form.querySelectorAll("td.word input")] : [];
const key = form && `review ${form.dataset.start} ${form.dataset.recorded}`; // what was recorded replaces the draft

function drafts() {
  return JSON.parse(sessionStorage.getItem(key) ?? "{}");
}

function count() {
  const written = fields.filter((field) => field.value.trim()).length;
  form.querySelector(".progress").textContent = `${written} of ${fields.length} findings have a word.`;
}

function changed() {
  const words = Object.fromEntries(fields.map((field) => [field.dataset.finding, field.value]));
  sessionStorage.setItem(key, JSON.stringify(words));
  count();
}

function write(field, word) {
  field.value = word;
  changed();
}

// Enter goes to the next finding without a word, so that nothing is sent by the way.
function next(event) {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const after = fields.slice(fields.indexOf(event.target) + 1);
  (after.find((field) => !field.value.trim()) ?? form.querySelector("button.primary")).focus();
}

function together(place) {
  const [word] = place.getElementsByTagName("input");
  const group = fields.filter((field) => place.parentElement.contains(field));
  const fill = () => {
    for (const field of group) if (!field.value.trim()) field.value = word.value;
    changed();
  };
  place.querySelector("button").addEventListener("click", fill);
  word.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    fill();
  });
  place.hidden = false;
}

if (fields.length) {
  const kept = drafts();
  for (const field of fields) {
    field.value = kept[field.dataset.finding] ?? field.value;
    field.addEventListener("input", changed);
    field.addEventListener("keydown", next);
  }
  for (const place of form.querySelectorAll(".together")) together(place);
  for (const again of form.querySelectorAll(".again")) {
    again.addEventListener("click", () => write(again.closest("td").querySelector("input"), again.dataset.word));
  }
  count();
}
