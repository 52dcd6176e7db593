// What part of an image a canvas shows, and how large: the viewBox of its SVG, whose unit is a pixel of the image.
const NEAREST = 32; // screen pixels of one pixel of the image

export class View {
  // `changed(scaled)` is called whenever another part is shown.
  constructor(canvas, svg, width, height, changed) {
    Object.assign(this, { canvas, svg, width, height, changed, scale: 1, x: width / 2, y: height / 2, fitted: true });
    new ResizeObserver(() => (this.fitted ? this.fit() : this.apply(true))).observe(canvas);
  }

  get shown() {
    const across = this.canvas.clientWidth / this.scale;
    const down = this.canvas.clientHeight / this.scale;
    return { left: this.x - across / 2, top: this.y - down / 2, across, down };
  }

  // Screen pixels of one pixel of the image when all of it is shown.
  get whole() {
    return Math.min(this.canvas.clientWidth / this.width, this.canvas.clientHeight / this.height) || 1;
  }

  fit() {
    Object.assign(this, { scale: this.whole, x: this.width / 2, y: this.height / 2, fitted: true });
    this.apply(true);
  }

  // Larger or smaller by `factor`, with `at` staying where it is.
  zoom(factor, at) {
    const scale = Math.min(Math.max(this.scale * factor, this.whole / 2), Math.max(NEAREST, this.whole));
    const kept = this.scale / scale;
    Object.assign(this, { scale, x: at.x + (this.x - at.x) * kept, y: at.y + (this.y - at.y) * kept, fitted: false });
    this.apply(true);
  }

  // Move what is shown by screen pixels.
  pan(dx, dy) {
    Object.assign(this, { x: this.x - dx / this.scale, y: this.y - dy / this.scale, fitted: false });
    this.apply(false);
  }

  // Move what is shown so far that a point is in it, with some room around.
  follow(at) {
    const { left, top, across, down } = this.shown;
    const room = Math.min(across, down) / 8;
    const beyond = (value, start, length) => Math.min(value - start - room, 0) || Math.max(value - start - length + room, 0);
    const [dx, dy] = [beyond(at.x, left, across), beyond(at.y, top, down)];
    if (this.fitted || (!dx && !dy)) return;
    this.x += dx;
    this.y += dy;
    this.apply(false);
  }

  apply(scaled) {
    this.x = Math.min(Math.max(this.x, 0), this.width);
    this.y = Math.min(Math.max(this.y, 0), this.height);
    const { left, top, across, down } = this.shown;
    this.svg.setAttribute("viewBox", `${left} ${top} ${across} ${down}`);
    this.changed(scaled);
  }

  // The point of the image under the pointer, to a tenth of a pixel, inside the image.
  point(event) {
    const box = this.svg.getBoundingClientRect();
    const { left, top } = this.shown;
    const inside = (value, most) => Math.min(Math.max(Math.round(value * 10) / 10, 0), most);
    return {
      x: inside(left + (event.clientX - box.left) / this.scale, this.width),
      y: inside(top + (event.clientY - box.top) / this.scale, this.height),
    };
  }
}

export function draw(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
