// The pixels behind the shapes: one image, or those tiles of a scene that are in view, as fine as the screen can show.
import { draw } from "./view.js";

const SIDE = 1024; // rows and columns of a tile
const MOST = 64; // tiles at once; of a very large scene seen whole the middle is shown

export function image(view, layer, address) {
  layer.append(draw("image", { href: address, width: view.width, height: view.height }));
  return () => {};
}

export function scene(view, layer, address, levels, bands, failed) {
  const known = new Map();
  let waiting = 0;

  function wanted() {
    const finest = Math.floor(Math.log2(1 / (view.scale * devicePixelRatio)));
    const level = Math.min(Math.max(finest, 0), levels);
    const step = SIDE * 2 ** level;
    const { left, top, across, down } = view.shown;
    const range = (start, length, whole) => [Math.max(Math.floor(start / step), 0), Math.min(Math.ceil((start + length) / step), Math.ceil(whole / step))];
    const [[first, beyond], [upper, below]] = [range(left, across, view.width), range(top, down, view.height)];
    const found = [];
    for (let row = upper; row < below; row += 1) for (let column = first; column < beyond; column += 1) found.push({ level, row, column, step });
    const far = (one) => Math.hypot((one.column + 0.5) * one.step - view.x, (one.row + 0.5) * one.step - view.y);
    return found.sort((a, b) => far(a) - far(b)).slice(0, MOST);
  }

  function show(one, key) {
    const [x, y] = [one.column * one.step, one.row * one.step];
    const size = { width: Math.min(one.step, view.width - x), height: Math.min(one.step, view.height - y) };
    const made = draw("image", { x, y, ...size, preserveAspectRatio: "none" });
    waiting += 1;
    const ended = (ok) => {
      waiting -= 1;
      if (!ok && known.get(key) === made) failed();
      if (!waiting) tidy();
    };
    made.addEventListener("load", () => ended(true));
    made.addEventListener("error", () => ended(false));
    made.setAttribute("href", `${address}/${one.row}/${one.column}?level=${one.level}&bands=${bands()}`);
    known.set(key, made);
    layer.append(made);
  }

  // What is not in view any more, or of another level, goes once all that is in view has come.
  function tidy() {
    const kept = new Set(wanted().map(name));
    for (const [key, made] of known) {
      if (kept.has(key)) continue;
      made.remove();
      known.delete(key);
    }
  }

  const name = (one) => `${bands()} ${one.level} ${one.row} ${one.column}`;

  return function update() {
    for (const one of wanted()) if (!known.has(name(one))) show(one, name(one));
    if (!waiting) tidy();
  };
}
