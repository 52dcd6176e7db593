// Boxes, turned boxes, polygons, lines and points on an image or a scene, in its pixels, with the mouse or by keyboard.
import { box, handles, moved, picture, turned } from "./drawing.js";
import { Ground, long, written } from "./ground.js";
import { image, scene } from "./tiles.js";
import { View, draw } from "./view.js";

const tool = document.querySelector("[data-tool=shapes]");
const canvas = tool.querySelector(".canvas");
const svg = canvas.querySelector("svg");
const layer = Object.fromEntries([...svg.querySelectorAll("g")].map((group) => [group.getAttribute("class"), group]));
const field = tool.querySelector("input[name=value]");
const list = tool.querySelector(".marked");
const said = tool.querySelector(".said");
const [width, height] = [Number(tool.dataset.width), Number(tool.dataset.height)];
const labels = [...tool.querySelectorAll("[data-label]")].map((button) => button.dataset.label);
const ground = tool.dataset.corners ? new Ground(JSON.parse(tool.dataset.corners), width, height) : null;
const answer = { shapes: JSON.parse(field.value || "{}").shapes ?? [] };
const at = { x: Math.round(width / 2), y: Math.round(height / 2) };
const LENGTH = { box: 2, turned: 3, point: 1, measure: 2 }; // points after which a shape is whole
const NEAR = 12; // screen pixels in which a handle is meant
let points = [];
let chosen = null;
let picked = false; // whether a person chose it, so that a label is for it; after drawing the next label is for the next shape
let held = null; // the handle that moves with the crosshair, and what its shape was before
let dragged = null; // what the pointer drags: the view, a handle, or the other corner of a box

const pressed = (attribute) => tool.querySelector(`[${attribute}][aria-pressed=true]`)?.getAttribute(attribute);
const look = (label, more = "") => ({ class: `shape shape-${Math.max(labels.indexOf(label), 0) % 8} ${more}` });
const chosenBands = () => tool.querySelector("[data-bands]")?.value ?? "";

let pixels = () => {};
const view = new View(canvas, svg, width, height, (scaled) => { pixels(); if (scaled) render(false); });
pixels = tool.dataset.tiles
  ? scene(view, layer.tiles, tool.dataset.tiles, Number(tool.dataset.levels), chosenBands, () => { said.textContent = "A part of the scene cannot be read."; })
  : image(view, layer.tiles, tool.dataset.image);

function render(changed) {
  layer.drawn.replaceChildren(...answer.shapes.map((shape) => {
    const made = picture(shape, look(shape.label, shape === chosen ? "chosen" : ""), view.scale);
    made.addEventListener("pointerdown", (event) => { if (pressed("data-form") === "move" && !event.button) choose(shape); });
    return made;
  }));
  layer.handles.replaceChildren(...(chosen ? handles(chosen, view.scale) : []).map((place, number) =>
    draw("circle", { class: `handle ${held?.handle === number ? "held" : ""}`, cx: place.x, cy: place.y, r: 5 / view.scale })));
  if (changed !== null) listed();
  field.value = JSON.stringify(answer);
  preview();
  if (changed) field.dispatchEvent(new Event("change", { bubbles: true }));
}

function listed() {
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...answer.shapes.map((shape, number) => {
    const item = document.createElement("li");
    const form = shape.rotation ? "turned box" : shape.form;
    const one = Object.assign(document.createElement("button"), { type: "button", textContent: `${number + 1}. ${shape.label} (${form})` });
    one.setAttribute("aria-pressed", String(shape === chosen));
    one.addEventListener("click", () => { choose(shape === chosen ? null : shape); if (chosen) view.follow({ x: chosen.points[0][0], y: chosen.points[0][1] }); });
    const other = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove" });
    other.setAttribute("aria-label", `Remove shape ${number + 1}, ${shape.label}`);
    other.addEventListener("click", () => remove(shape));
    item.append(one, other);
    return item;
  }));
  if (focused >= 0) [...list.querySelectorAll("button")].at(Math.min(focused, list.querySelectorAll("button").length - 1))?.focus();
}

// What the points so far and the crosshair would make, and where the crosshair is.
function preview() {
  const form = pressed("data-form");
  const path = points.length && points.length < (LENGTH[form] ?? Infinity) ? [...points, [at.x, at.y]] : points;
  const shape = path.length < 2 ? null : form === "box" ? box(path) : form === "turned" && path.length > 2 ? turned(path) : { form: "line", points: path };
  layer.drawing.replaceChildren(...(shape ? [picture(shape, look(pressed("data-label")), view.scale)] : []));
  layer.crosshair.replaceChildren(draw("line", { x1: at.x, x2: at.x, y1: 0, y2: height }), draw("line", { x1: 0, x2: width, y1: at.y, y2: at.y }));
  const parts = [`${at.x}, ${at.y}`];
  if (ground) parts.push(written(ground.place(at)));
  if (path.length > 1) {
    const [one, two] = path.slice(-2).map(([x, y]) => ({ x, y }));
    parts.push(`${Math.round(Math.hypot(one.x - two.x, one.y - two.y))} pixels`);
    if (ground) parts.push(`about ${long(ground.metres(one, two))}`);
  }
  tool.querySelector(".place").textContent = parts.join(" · ");
}

function finish() {
  const form = pressed("data-form");
  if (form === "measure") return preview();
  const made = form === "box" && points.length > 1 ? box(points) : form === "turned" && points.length > 2 ? turned(points) : { form, points, rotation: 0 };
  points = [];
  const [[left, top], [right, bottom] = []] = made.points.length ? made.points : [[]];
  const enough = { box: left < right && top < bottom, polygon: made.points.length > 2, line: made.points.length > 1, point: made.points.length === 1 }[made.form];
  if (!enough) return render(false);
  const taken = new Set(answer.shapes.map((one) => one.id));
  let number = answer.shapes.length;
  while (taken.has(`s${number}`)) number += 1;
  chosen = { id: `s${number}`, form: made.form, label: pressed("data-label"), points: made.points, rotation: made.rotation };
  answer.shapes.push(chosen);
  picked = false;
  render(true);
}

function add() {
  const form = pressed("data-form");
  const last = points.at(-1);
  if (form === "move" || (last && last[0] === at.x && last[1] === at.y)) return;
  if (form === "measure" && points.length === 2) points = [];
  points.push([at.x, at.y]);
  if (points.length === LENGTH[form]) finish();
  else preview();
}

function choose(shape) {
  chosen = shape;
  picked = Boolean(shape);
  held = null;
  render(false);
}

function remove(shape) {
  answer.shapes = answer.shapes.filter((one) => one !== shape);
  choose(null);
  render(true);
}

// Take hold of the handle that is nearest to the crosshair, or let go of it.
function take() {
  if (held) { held = null; return render(true); }
  if (!chosen) return;
  const places = handles(chosen, view.scale);
  const distance = (place) => Math.hypot(place.x - at.x, place.y - at.y);
  const handle = places.reduce((best, place, number) => (distance(place) < distance(places[best]) ? number : best), 0);
  to(places[handle]);
  held = { handle, before: { points: chosen.points, rotation: chosen.rotation } };
  render(false);
}

function to(point) {
  const inside = (value, most) => Math.min(Math.max(Math.round(value * 10) / 10, 0), most);
  Object.assign(at, { x: inside(point.x, width), y: inside(point.y, height) });
  if (held) Object.assign(chosen, moved(chosen, held.handle, at));
  if (held) render(null);
  else preview();
}

function turn(degrees) {
  chosen.rotation = ((chosen.rotation ?? 0) + degrees + 360) % 360;
  render(true);
}

function escape() {
  if (held) Object.assign(chosen, held.before);
  else if (!points.length) chosen = null;
  held = null;
  points = [];
  render(false);
}

svg.addEventListener("pointerdown", (event) => {
  to(view.point(event));
  canvas.focus({ preventScroll: true });
  svg.setPointerCapture(event.pointerId);
  const near = chosen && !points.length ? handles(chosen, view.scale).findIndex((place) => Math.hypot(place.x - at.x, place.y - at.y) * view.scale < NEAR) : -1;
  if (event.button || pressed("data-form") === "move" && near < 0) dragged = { pan: true };
  else if (near >= 0) held = { handle: near, before: { points: chosen.points, rotation: chosen.rotation } };
  else {
    const first = pressed("data-form") === "box" && !points.length;
    add();
    dragged = first ? { from: { ...at } } : null;
  }
  event.preventDefault();
});
svg.addEventListener("pointermove", (event) => {
  if (dragged?.pan) view.pan(event.movementX, event.movementY);
  else to(view.point(event));
});
svg.addEventListener("pointerup", (event) => {
  if (dragged?.pan) { dragged = null; return; }
  to(view.point(event));
  if (held) { held = null; render(true); }
  if (dragged && Math.hypot(dragged.from.x - at.x, dragged.from.y - at.y) * view.scale > 3) add();
  dragged = null;
});
svg.addEventListener("dblclick", () => { if (["polygon", "line"].includes(pressed("data-form"))) finish(); });
svg.addEventListener("wheel", (event) => { event.preventDefault(); view.zoom(event.deltaY < 0 ? 1.25 : 0.8, view.point(event)); }, { passive: false });

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const step = Math.max(1, Math.round(1 / view.scale)) * (event.shiftKey ? 10 : 1);
  const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  if (by) { to({ x: at.x + by[0], y: at.y + by[1] }); view.follow(at); }
  else if (event.key === "Enter") { if (held) take(); else add(); }
  else if (event.key === " ") take();
  else if (event.key === "Backspace") { points.pop(); preview(); }
  else if (event.key === "c") finish();
  else if (event.key === "Escape") escape();
  else if (event.key === "Delete" && answer.shapes.length) remove(chosen ?? answer.shapes.at(-1));
  else if (event.key.toLowerCase() === "r" && chosen?.form === "box") turn(event.shiftKey ? -5 : 5);
  else return;
  event.preventDefault();
});

for (const attribute of ["data-label", "data-form"]) {
  for (const button of tool.querySelectorAll(`[${attribute}]`)) {
    button.addEventListener("click", () => {
      for (const other of tool.querySelectorAll(`[${attribute}]`)) other.setAttribute("aria-pressed", String(other === button));
      if (attribute === "data-label" && chosen && picked) { chosen.label = button.dataset.label; render(true); }
      if (attribute === "data-form") { escape(); choose(null); }
    });
  }
}
for (const button of tool.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => (button.dataset.zoom === "fit" ? view.fit() : view.zoom(Number(button.dataset.zoom), at)));
}
for (const control of tool.querySelectorAll("[data-light], [data-bands]")) {
  for (const kind of ["input", "change"]) {
    control.addEventListener(kind, (event) => {
      event.stopPropagation(); // it is how the image is looked at, and no part of the answer
      const value = (name) => tool.querySelector(`[data-light=${name}]`).value;
      layer.tiles.style.filter = `brightness(${value("brightness")}) contrast(${value("contrast")})`;
      pixels();
    });
  }
}
if (ground) {
  const north = tool.querySelector(".north");
  north.hidden = false;
  north.querySelector("path").setAttribute("transform", `rotate(${ground.north()})`);
  north.querySelector(".north-text").textContent = `north ${ground.north()}°`;
}
view.fit();
