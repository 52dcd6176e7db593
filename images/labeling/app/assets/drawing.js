// Shapes as data and as pictures: what a few points make, where a shape is taken hold of, and what moving it there does.
import { draw } from "./view.js";

const round = (value) => Math.round(value * 10) / 10;
const radians = (degrees) => (degrees * Math.PI) / 180;
const OUTSIDE = 24; // screen pixels from a box to where it is turned

// A box is turned clockwise around its upper left corner.
function along(shape, x, y) {
  const [[left, top]] = shape.points;
  const [cos, sin] = [Math.cos(radians(shape.rotation ?? 0)), Math.sin(radians(shape.rotation ?? 0))];
  return { x: left + x * cos - y * sin, y: top + x * sin + y * cos };
}

function size(shape) {
  const [[left, top], [right, bottom]] = shape.points;
  return [right - left, bottom - top];
}

export function box(points) {
  const [xs, ys] = [0, 1].map((axis) => [points[0][axis], points.at(-1)[axis]]);
  return { form: "box", rotation: 0, points: [[Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)]] };
}

// From both ends of one side and a point on the other side.
export function turned([from, to, across]) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy) || 1;
  const depth = ((across[1] - from[1]) * dx - (across[0] - from[0]) * dy) / length;
  const [start, degrees] = depth < 0 ? [to, 180] : [from, 0];
  const rotation = round((((Math.atan2(dy, dx) * 180) / Math.PI + degrees) % 360 + 360) % 360) % 360;
  return { form: "box", rotation, points: [start, [round(start[0] + length), round(start[1] + Math.abs(depth))]] };
}

export function picture(shape, look, scale) {
  const [first, second] = shape.points;
  if (shape.form === "point") return draw("circle", { ...look, cx: first[0], cy: first[1], r: 5 / scale });
  if (shape.form === "box") {
    const turn = shape.rotation ? { transform: `rotate(${shape.rotation} ${first[0]} ${first[1]})` } : {};
    return draw("rect", { ...look, ...turn, x: first[0], y: first[1], width: second[0] - first[0], height: second[1] - first[1] });
  }
  return draw(shape.form === "polygon" ? "polygon" : "polyline", { ...look, points: shape.points.map((one) => one.join(",")).join(" ") });
}

// Where a shape is taken hold of: of a box where it is moved, where it is sized, and where it is turned.
export function handles(shape, scale) {
  if (shape.form !== "box") return shape.points.map(([x, y]) => ({ x, y }));
  const [width, height] = size(shape);
  return [along(shape, 0, 0), along(shape, width, height), along(shape, width + OUTSIDE / scale, 0)];
}

// What the shape is once the handle is at a point.
export function moved(shape, handle, at) {
  if (shape.form !== "box") return { points: shape.points.with(handle, [at.x, at.y]) };
  const [[left, top], [right, bottom]] = shape.points;
  const [dx, dy] = [at.x - left, at.y - top];
  if (handle === 0) return { points: [[at.x, at.y], [round(right + dx), round(bottom + dy)]] };
  if (handle === 2) return { rotation: round((((Math.atan2(dy, dx) * 180) / Math.PI) % 360 + 360) % 360) % 360 };
  const [cos, sin] = [Math.cos(radians(shape.rotation ?? 0)), Math.sin(radians(shape.rotation ?? 0))];
  const [width, height] = [dx * cos + dy * sin, dy * cos - dx * sin].map((value) => Math.max(round(value), 0.1));
  return { points: [[left, top], [round(left + width), round(top + height)]] };
}
