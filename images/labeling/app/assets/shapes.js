// Boxes, polygons, lines and points on an image, in its pixels. With the mouse: drag a box, click the corners of a polygon and
// close it with a double click. By keyboard: arrows move the crosshair (Shift: ten pixels), Enter sets a point, C closes a polygon
// or line, Escape gives up, R and Shift+R turn the chosen box, Delete removes it.
const tool = document.querySelector("[data-tool=shapes]");
const canvas = tool.querySelector(".canvas");
const svg = canvas.querySelector("svg");
const [drawn, drawing, cross] = ["drawn", "drawing", "crosshair"].map((name) => svg.querySelector(`.${name}`));
const field = tool.querySelector("input[name=value]");
const list = tool.querySelector(".marked");
const place = tool.querySelector(".place");
const width = Number(tool.dataset.width);
const height = Number(tool.dataset.height);
const labels = [...tool.querySelectorAll("[data-label]")].map((button) => button.dataset.label);
const answer = { shapes: JSON.parse(field.value || "{}").shapes ?? [] };
const at = { x: Math.round(width / 2), y: Math.round(height / 2) };
let points = [];
let dragging = false;
let chosen = null;
let zoom = Math.min(8, (canvas.clientWidth - 2) / width, (innerHeight * 0.6) / height) || 1;

const pressed = (attribute) => tool.querySelector(`[${attribute}][aria-pressed=true]`)?.getAttribute(attribute);
const swatch = (label) => Math.max(labels.indexOf(label), 0) % 8;

function draw(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function picture(shape, extra = "") {
  const look = { class: `shape shape-${swatch(shape.label)} ${extra}` };
  const [first, second] = shape.points;
  if (shape.form === "point") return draw("circle", { ...look, cx: first[0], cy: first[1], r: 5 / zoom });
  if (shape.form === "box") {
    const turned = shape.rotation ? { transform: `rotate(${shape.rotation} ${first[0]} ${first[1]})` } : {};
    return draw("rect", { ...look, ...turned, x: first[0], y: first[1], width: second[0] - first[0], height: second[1] - first[1] });
  }
  return draw(shape.form === "polygon" ? "polygon" : "polyline", { ...look, points: shape.points.map((one) => one.join(",")).join(" ") });
}

function render(changed) {
  svg.setAttribute("width", width * zoom);
  svg.setAttribute("height", height * zoom);
  drawn.replaceChildren(...answer.shapes.map((shape) => picture(shape, shape === chosen ? "chosen" : "")));
  list.replaceChildren(
    ...answer.shapes.map((shape, number) => {
      const item = document.createElement("li");
      const choose = Object.assign(document.createElement("button"), { type: "button", textContent: `${number + 1}. ${shape.label} (${shape.form})` });
      choose.setAttribute("aria-pressed", String(shape === chosen));
      choose.addEventListener("click", () => { chosen = shape === chosen ? null : shape; render(false); });
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove" });
      button.setAttribute("aria-label", `Remove shape ${number + 1}, ${shape.label}`);
      button.addEventListener("click", () => remove(shape));
      item.append(choose, button);
      return item;
    }),
  );
  field.value = JSON.stringify(answer);
  preview();
  if (changed) field.dispatchEvent(new Event("change", { bubbles: true }));
}

function preview() {
  const label = pressed("data-label");
  const form = pressed("data-form");
  const path = [...points, ...(points.length ? [[at.x, at.y]] : [])];
  drawing.replaceChildren(...(path.length > 1 ? [picture({ form: form === "box" ? "box" : "line", label, points: form === "box" ? corners(path) : path })] : []));
  cross.replaceChildren(draw("line", { x1: at.x, x2: at.x, y1: 0, y2: height }), draw("line", { x1: 0, x2: width, y1: at.y, y2: at.y }));
  place.textContent = `${at.x}, ${at.y}`;
}

const corners = (path) => [
  [Math.min(path[0][0], path.at(-1)[0]), Math.min(path[0][1], path.at(-1)[1])],
  [Math.max(path[0][0], path.at(-1)[0]), Math.max(path[0][1], path.at(-1)[1])],
];

function finish() {
  const form = pressed("data-form");
  const made = form === "box" ? corners(points) : points;
  points = [];
  const enough = { box: made[0]?.[0] < made[1]?.[0] && made[0]?.[1] < made[1]?.[1], polygon: made.length > 2, line: made.length > 1, point: made.length === 1 }[form];
  if (!enough) return render(false);
  const taken = new Set(answer.shapes.map((one) => one.id));
  let number = answer.shapes.length;
  while (taken.has(`s${number}`)) number += 1;
  chosen = { id: `s${number}`, form, label: pressed("data-label"), points: made, rotation: 0 };
  answer.shapes.push(chosen);
  render(true);
}

function add(point) {
  const last = points.at(-1);
  if (last && last[0] === point[0] && last[1] === point[1]) return;
  points.push(point);
  const form = pressed("data-form");
  if (form === "point" || (form === "box" && points.length === 2)) finish();
  else preview();
}

function remove(shape) {
  answer.shapes = answer.shapes.filter((one) => one !== shape);
  chosen = null;
  render(true);
}

function moved(event) {
  const box = svg.getBoundingClientRect();
  const inside = (value, most) => Math.min(Math.max(Math.round(value * 10) / 10, 0), most);
  at.x = inside((event.clientX - box.left) / zoom, width);
  at.y = inside((event.clientY - box.top) / zoom, height);
  preview();
}

svg.addEventListener("pointerdown", (event) => {
  moved(event);
  canvas.focus({ preventScroll: true });
  dragging = pressed("data-form") === "box" && points.length === 0;
  if (dragging) svg.setPointerCapture(event.pointerId);
  add([at.x, at.y]);
});
svg.addEventListener("pointermove", moved);
svg.addEventListener("pointerup", (event) => {
  moved(event);
  const start = points[0];
  if (dragging && start && (Math.abs(start[0] - at.x) > 2 || Math.abs(start[1] - at.y) > 2)) add([at.x, at.y]);
  dragging = false;
});
svg.addEventListener("dblclick", () => { if (["polygon", "line"].includes(pressed("data-form"))) finish(); });

canvas.addEventListener("keydown", (event) => {
  const step = event.shiftKey ? 10 : 1;
  const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  if (by) {
    at.x = Math.min(Math.max(at.x + by[0], 0), width);
    at.y = Math.min(Math.max(at.y + by[1], 0), height);
    preview();
  } else if (event.key === "Enter" && !event.ctrlKey) add([at.x, at.y]);
  else if (event.key === "c") finish();
  else if (event.key === "Escape") { points = []; preview(); }
  else if (event.key === "Delete" && answer.shapes.length) remove(chosen ?? answer.shapes.at(-1));
  else if (event.key.toLowerCase() === "r" && chosen?.form === "box") { chosen.rotation = (chosen.rotation + (event.shiftKey ? 355 : 5)) % 360; render(true); }
  else return;
  event.preventDefault();
});

for (const attribute of ["data-label", "data-form"]) {
  for (const button of tool.querySelectorAll(`[${attribute}]`)) {
    button.addEventListener("click", () => {
      for (const other of tool.querySelectorAll(`[${attribute}]`)) other.setAttribute("aria-pressed", String(other === button));
      if (attribute === "data-label" && chosen) { chosen.label = button.dataset.label; render(true); }
      if (attribute === "data-form") { points = []; chosen = null; render(false); }
    });
  }
}
for (const button of tool.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => { zoom = Math.min(Math.max(zoom * Number(button.dataset.zoom), 0.05), 8); render(false); });
}
render(false);
