// A comparison without the mouse: the key shown on a button presses it.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const button = document.querySelector(`#comparison button[data-key="${CSS.escape(event.key)}"]`);
  if (button && !document.querySelector(".htmx-request")) {
    event.preventDefault();
    button.click();
  }
});
