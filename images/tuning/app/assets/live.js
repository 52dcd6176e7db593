// While the run goes on, its part of the page is renewed; a reader's focus and place stay where they are.
const PAUSE = 2000;

async function renew() {
  const live = document.getElementById("live");
  if (!live || !("goes" in live.dataset)) return;
  if (!document.hidden && !live.contains(document.activeElement)) {
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      if (answer.ok && fresh) live.replaceWith(fresh);
    } catch {
      // The network comes back or it does not: the page shows what it knew.
    }
  }
  setTimeout(renew, PAUSE);
}
setTimeout(renew, PAUSE);
