// While the model works, look for its claims and put them in their place: the server rendered and escaped them.
const SECONDS = 1.5;
let section = document.querySelector("#claims");

while (section?.dataset.state === "asking") {
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const answer = await fetch(`${location.pathname}/claims`);
  if (!answer.ok) break;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#claims");
  if (!found || found.dataset.state === "asking") continue;
  // What a model wrote raises the marking of the page: take the whole page, banner and all.
  location.reload();
  break;
}
