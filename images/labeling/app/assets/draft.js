// Keep what was filled in, two seconds after the last change, so that a closed window loses nothing.
const form = document.getElementById("work");
const said = document.querySelector(".saved");
let waiting = 0;

async function save() {
  const data = new FormData(form);
  data.set("action", "draft");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data) });
    said.textContent = answer.ok ? "Draft kept" : "The draft was not kept";
  } catch {
    said.textContent = "The draft was not kept: no connection";
  }
}

function changed() {
  clearTimeout(waiting);
  waiting = setTimeout(save, 2000);
}

if (form && said) {
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => clearTimeout(waiting));
}
