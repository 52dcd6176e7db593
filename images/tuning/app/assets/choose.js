// The reader's own projects and versions, asked of labeling in their own session: tuning sees what they choose.
const form = document.getElementById("choose");
const said = document.getElementById("chosen");

async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function list(field, options) {
  const select = document.createElement("select");
  select.name = field.name;
  select.required = true;
  for (const [value, text] of options) select.add(new Option(text, value));
  field.replaceWith(select);
  return select;
}

async function versions() {
  const project = form.elements.project.value;
  const found = project ? (await get(`/labeling/api/projects/${project}/review/versions`)).versions : [];
  list(form.elements.version, found.map((one) => [one.digest, `${one.name} (${one.digest.slice(7, 15)})`]));
  form.querySelector("button").disabled = found.length === 0;
  if (project && !found.length) said.textContent = "This project has no version yet: make one on its page Versions.";
}

if (form) {
  try {
    const { projects } = await get("/labeling/api/projects");
    if (projects.length) {
      const select = list(form.elements.project, projects.map((one) => [one.id, one.name]));
      select.addEventListener("change", versions);
      await versions();
    }
  } catch {
    said.textContent = "The list does not come from labeling: give project and version by name, as its page Versions shows them.";
  }
}
