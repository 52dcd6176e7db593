// The header of every page: the services that this person may use, and how long their session lasts.
// Without this module the header still leads to all pages, to the session and to its end.

const KEPT = "appliance.home";
const FRESH = 5 * 60 * 1000; // asking is a recorded decision: once in five minutes is enough for links
const SOON = 5 * 60 * 1000;

async function home() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
  const subject = document.querySelector(".subject")?.textContent;
  if (kept && kept.subject === subject && Date.now() - kept.asked < FRESH) return kept;
  const answer = await fetch("/", { headers: { Accept: "application/json" } });
  if (!answer.ok) return null;
  const { pages, session } = await answer.json();
  const found = { pages, subject, ends: session?.ends ? Date.parse(session.ends.replace(" UTC", "Z").replace(" ", "T")) : null, asked: Date.now() };
  sessionStorage.setItem(KEPT, JSON.stringify(found));
  return found;
}

function showServices(pages) {
  const nav = document.querySelector(".services");
  const here = location.pathname.split("/")[1];
  const links = pages.map(({ path, title }) => {
    const link = document.createElement("a");
    link.href = path;
    link.textContent = title;
    if (path.split("/")[1] === here) link.setAttribute("aria-current", "true");
    return link;
  });
  if (links.length) nav.replaceChildren(...links);
}

function showTimeLeft(ends) {
  const left = document.querySelector(".left");
  const minutes = Math.max(0, Math.floor((ends - Date.now()) / 60000));
  const text = minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min left` : `${minutes} min left`;
  // Said aloud only when the end is near: a screen reader that counts minutes is no help.
  left.setAttribute("aria-live", ends - Date.now() < SOON ? "polite" : "off");
  left.classList.toggle("soon", ends - Date.now() < SOON);
  if (left.textContent !== text) left.textContent = text;
}

const found = document.querySelector(".subject") ? await home().catch(() => null) : null;
if (found) {
  showServices(found.pages);
  if (found.ends && document.querySelector(".left")) {
    showTimeLeft(found.ends);
    setInterval(() => showTimeLeft(found.ends), 20000);
  }
}
document.querySelector('form[action="/session/end"]')?.addEventListener("submit", () => sessionStorage.removeItem(KEPT));
