// Where a point of a scene lies, how far it is from another one, and where north is. Corners are those of the first and last
// pixel of the first row, then of the last and first pixel of the last row: longitude and latitude in degrees.
const RADIUS = 6371008.8; // metres: the mean of the Earth's three half axes (IUGG)

const radians = (degrees) => (degrees * Math.PI) / 180;

export class Ground {
  constructor(corners, width, height) {
    Object.assign(this, { corners, width, height });
  }

  place({ x, y }) {
    const [u, v] = [(x - 0.5) / Math.max(this.width - 1, 1), (y - 0.5) / Math.max(this.height - 1, 1)];
    const [upperLeft, upperRight, lowerRight, lowerLeft] = this.corners;
    return [0, 1].map((axis) => {
      const upper = upperLeft[axis] * (1 - u) + upperRight[axis] * u;
      const lower = lowerLeft[axis] * (1 - u) + lowerRight[axis] * u;
      return upper * (1 - v) + lower * v;
    });
  }

  // Metres between two points, on a sphere.
  metres(one, other) {
    const [[a, b], [c, d]] = [this.place(one), this.place(other)];
    const h = Math.sin(radians(d - b) / 2) ** 2 + Math.cos(radians(b)) * Math.cos(radians(d)) * Math.sin(radians(c - a) / 2) ** 2;
    return 2 * RADIUS * Math.asin(Math.min(Math.sqrt(h), 1));
  }

  // Degrees clockwise from the upper edge of the image to north, in its middle.
  north() {
    const at = { x: this.width / 2, y: this.height / 2 };
    const [here, right, below] = [at, { ...at, x: at.x + 1 }, { ...at, y: at.y + 1 }].map((point) => this.place(point));
    const shrink = Math.cos(radians(here[1])); // a degree of longitude is shorter than one of latitude
    const [a, b] = [(right[0] - here[0]) * shrink, (below[0] - here[0]) * shrink];
    const [c, d] = [right[1] - here[1], below[1] - here[1]];
    // The direction (x, y) in pixels in which longitude stays and latitude grows.
    const turn = Math.sign(a * d - b * c) || 1;
    const degrees = (Math.atan2(-b * turn, -a * turn) * 180) / Math.PI;
    return (Math.round(degrees) + 360) % 360;
  }
}

// Degrees with hemisphere; the header's corners are no finer than the fourth decimal.
export function written([longitude, latitude]) {
  const around = ((((longitude + 180) % 360) + 360) % 360) - 180;
  return `${Math.abs(latitude).toFixed(4)}° ${latitude < 0 ? "S" : "N"}, ${Math.abs(around).toFixed(4)}° ${around < 0 ? "W" : "E"}`;
}

export function long(metres) {
  return metres < 10000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`;
}
