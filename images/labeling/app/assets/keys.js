// Work without the mouse: the key shown on a control presses it. `Control+Enter`, `Alt+1` and single keys are named in
// data-key; while somebody types into a field, only combinations with Control or Alt count.
const typing = (element) => element.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.repeat || event.defaultPrevented) return;
  const held = (event.ctrlKey ? "Control+" : "") + (event.altKey ? "Alt+" : "");
  if (!held && typing(event.target)) return;
  if (event.key === "Enter" && !held && event.target.matches("button, a, summary")) return;
  const control = document.querySelector(`main [data-key="${CSS.escape(held + event.key)}"]`);
  if (!control) return;
  event.preventDefault();
  if (control.matches("[type=radio], [type=checkbox]")) control.focus();
  control.click();
});

// One submission at a time.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
