// Upload a file in parts, each with its SHA-256; after a break the parts that are missing are sent, and no other.
const form = document.getElementById("upload");
const said = form.querySelector(".said");
const bar = form.querySelector("progress");
const files = form.dataset.files;
const size = Number(form.dataset.part);
const AT_ONCE = 3; // while one part is made durable, the others are on their way

async function asked(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => null);
    throw new Error(problem?.error?.message ?? problem?.detail ?? `the server answered ${answer.status}`);
  }
  return answer.status === 204 ? null : answer.json();
}

function json(value) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
}

// The upload of the same file that was begun before in this tab, or a new one.
async function begun(file, marking, groups) {
  const known = sessionStorage.getItem(key(file));
  if (known) {
    const left = await fetch(`${files}/${known}/missing`);
    if (left.ok) return { id: known, missing: (await left.json()).missing };
  }
  const body = { name: file.name, size: file.size, groups, ...(marking ? { marking } : {}) };
  const made = await asked(files, json(body));
  sessionStorage.setItem(key(file), made.id);
  return { id: made.id, missing: [...Array(made.parts).keys()] };
}

function key(file) {
  return `${files} ${file.name} ${file.size} ${file.lastModified}`;
}

async function digest(bytes) {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha-256=:${btoa(String.fromCharCode(...sum))}:`;
}

async function upload(file, marking, groups) {
  const { id, missing } = await begun(file, marking, groups);
  const parts = Math.ceil(file.size / size);
  bar.hidden = false;
  bar.max = parts;
  let done = parts - missing.length;
  const waiting = missing.values();
  let failed = false;
  async function send() {
    for (const number of waiting) {
      const body = await file.slice(number * size, (number + 1) * size).arrayBuffer();
      const headers = { "Content-Digest": await digest(body), "Content-Type": "application/octet-stream" };
      await asked(`${files}/${id}/parts/${number}`, { method: "PUT", headers, body });
      if (failed) return;
      bar.value = ++done;
      said.textContent = `${done} of ${parts} parts are there`;
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, send));
  } catch (error) {
    failed = true;
    throw error;
  }
  sessionStorage.removeItem(key(file));
  const { job } = await asked(`${files}/${id}/finish`, json({}));
  said.textContent = "The file is looked at";
  for (;;) {
    const found = await asked(`${form.dataset.jobs}/${job}`);
    if (found.state === "done") return location.reload();
    if (!["queued", "running"].includes(found.state)) throw new Error(found.message || found.state);
    await new Promise((next) => setTimeout(next, 500));
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    await upload(data.get("file"), data.get("marking").trim(), data.getAll("groups"));
  } catch (error) {
    said.textContent = `Not uploaded: ${error.message}`;
  } finally {
    button.disabled = false;
  }
});
