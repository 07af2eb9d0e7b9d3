// The pictures the map paints with. Each risk colour has a pattern of its own, so that the map is
// read in print, in full sun and by eyes that do not part red from green.

const INK = "#1b2427";

const COLOURS = {
  red: "#c4161c",
  orange: "#ea7a0b",
  yellow: "#f4c60c",
  blue: "#2468b4",
  grey: "#d5dadb",
};

function canvas(size) {
  const made = document.createElement("canvas");
  made.width = made.height = size;
  return made.getContext("2d", { willReadFrequently: true });
}

// A stripe that runs off one edge must come in at the other, so each is drawn three times.
function stripes(pen, size, step, slope, style, width) {
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.beginPath();
  for (let at = -size; at <= 2 * size; at += step) {
    pen.moveTo(at, -1);
    pen.lineTo(at + slope * (size + 2), size + 1);
  }
  pen.stroke();
}

const DRAW = {
  red(pen, size) {
    stripes(pen, size, size / 2, 1, "rgb(255 255 255 / 70%)", 1.4);
    stripes(pen, size, size / 2, -1, "rgb(255 255 255 / 70%)", 1.4);
  },
  orange(pen, size) {
    stripes(pen, size, size / 2, -1, "rgb(60 20 0 / 65%)", 1.6);
  },
  yellow(pen, size) {
    pen.fillStyle = "rgb(60 45 0 / 75%)";
    for (const [x, y] of [[0.25, 0.25], [0.75, 0.75]]) {
      pen.beginPath();
      pen.arc(x * size, y * size, size / 13, 0, 7);
      pen.fill();
    }
  },
  blue(pen, size) {
    pen.fillStyle = "rgb(255 255 255 / 65%)";
    pen.fillRect(0, size * 0.2, size, 1.4);
    pen.fillRect(0, size * 0.7, size, 1.4);
  },
  grey(pen, size) {
    stripes(pen, size, size / 2, 1, "rgb(85 98 102 / 75%)", 2.4);
  },
};

/** How far a pond's closure has come; the mark's shape says whether it is head-top. */
const SHADES = {
  use: "#2f6f5e",
  close: "#c98a12",
  late: "#8c1d40",
  gone: "#9aa4a6",
  unknown: "#ffffff",
};

function diamond(pen, size, inset) {
  const half = size / 2;
  pen.beginPath();
  pen.moveTo(half, inset);
  pen.lineTo(size - inset, half);
  pen.lineTo(half, size - inset);
  pen.lineTo(inset, half);
  pen.closePath();
}

function disc(pen, size, inset) {
  pen.beginPath();
  pen.arc(size / 2, size / 2, size / 2 - inset, 0, 7);
}

function pondMark(shape, colour) {
  const size = 44;
  const pen = canvas(size);
  pen.fillStyle = "#fff";
  shape(pen, size, 2);
  pen.fill();
  pen.fillStyle = colour;
  pen.strokeStyle = INK;
  pen.lineWidth = 3;
  shape(pen, size, 6);
  pen.fill();
  pen.stroke();
  if (shape === diamond) {
    // A ring inside as well: the shape is known even where two marks touch.
    pen.strokeStyle = "#fff";
    pen.lineWidth = 2.5;
    shape(pen, size, 13);
    pen.stroke();
  }
  return image(pen, size);
}

function image(pen, size) {
  return pen.getImageData(0, 0, size, size);
}

/** Add every pattern and mark the style names to `map`. */
export function addPatterns(map) {
  const ratio = 2;
  for (const [name, colour] of Object.entries(COLOURS)) {
    const size = 32;
    const fill = canvas(size);
    fill.fillStyle = colour;
    fill.fillRect(0, 0, size, size);
    DRAW[name](fill, size);
    map.addImage(`fill-${name}`, image(fill, size), { pixelRatio: ratio });

    const mark = canvas(36);
    mark.fillStyle = "#fff";
    mark.fillRect(0, 0, 36, 36);
    mark.fillStyle = colour;
    mark.fillRect(4, 4, 28, 28);
    mark.save();
    mark.translate(4, 4);
    mark.beginPath();
    mark.rect(0, 0, 28, 28);
    mark.clip();
    DRAW[name](mark, 28);
    mark.restore();
    mark.strokeStyle = INK;
    mark.lineWidth = 3;
    mark.strokeRect(3, 3, 30, 30);
    map.addImage(`mark-${name}`, image(mark, 36), { pixelRatio: ratio });
  }
  for (const [name, colour] of Object.entries(SHADES)) {
    map.addImage(`top-${name}`, pondMark(diamond, colour), { pixelRatio: ratio });
    map.addImage(`pond-${name}`, pondMark(disc, colour), { pixelRatio: ratio });
  }
  // Two slopes for two zones: where no dam may come, and where no house should.
  const ban = canvas(28);
  stripes(ban, 28, 14, -1, "rgb(140 29 64 / 80%)", 2.5);
  map.addImage("no-build", image(ban, 28), { pixelRatio: ratio });
  // Crossed, as what the law itself forbids; open rings, as what nobody can tell.
  const law = canvas(28);
  for (const slope of [1, -1]) stripes(law, 28, 14, slope, "rgb(140 29 64 / 75%)", 1.2);
  map.addImage("prohibited", image(law, 28), { pixelRatio: ratio });
  const open = canvas(24);
  open.strokeStyle = "rgb(70 62 20 / 80%)";
  open.lineWidth = 1.6;
  for (const [x, y] of [[6, 6], [18, 18]]) {
    open.beginPath();
    open.arc(x, y, 3.2, 0, 7);
    open.stroke();
  }
  map.addImage("undecided", image(open, 24), { pixelRatio: ratio });
  const strip = canvas(28);
  stripes(strip, 28, 14, 1, "rgb(36 82 92 / 80%)", 2);
  map.addImage("strip", image(strip, 28), { pixelRatio: ratio });

  // A mine the question does not concern (another kind): neither graded nor undetermined.
  const plain = canvas(8);
  plain.fillStyle = "rgb(255 255 255 / 60%)";
  plain.fillRect(0, 0, 8, 8);
  map.addImage("fill-plain", image(plain, 8), { pixelRatio: ratio });

  // Unclear ground is washed out as well as hatched: whatever colour its mine has, it is not known.
  const hatch = canvas(24);
  hatch.fillStyle = "rgb(255 255 255 / 30%)";
  hatch.fillRect(0, 0, 24, 24);
  stripes(hatch, 24, 12, 1, INK, 2);
  map.addImage("hatch", image(hatch, 24), { pixelRatio: ratio });

  const goaf = canvas(20);
  goaf.fillStyle = "rgb(70 76 80 / 55%)";
  goaf.fillRect(0, 0, 20, 20);
  goaf.fillStyle = "rgb(20 24 26 / 80%)";
  for (const [x, y] of [[5, 5], [15, 15]]) goaf.fillRect(x - 2, y - 2, 4, 4);
  map.addImage("goaf", image(goaf, 20), { pixelRatio: ratio });

  const water = canvas(28);
  water.strokeStyle = "rgb(45 72 92 / 85%)";
  water.lineWidth = 2;
  for (const y of [7, 21]) {
    water.beginPath();
    for (let x = -2; x <= 30; x += 1) water.lineTo(x, y + 3 * Math.sin((x / 28) * 4 * Math.PI));
    water.stroke();
  }
  map.addImage("water", image(water, 28), { pixelRatio: ratio });

  const area = canvas(20);
  area.fillStyle = "rgb(60 66 70 / 70%)";
  for (const [x, y] of [[5, 5], [15, 15]]) {
    area.fillRect(x - 3, y - 0.8, 6, 1.6);
    area.fillRect(x - 0.8, y - 3, 1.6, 6);
  }
  map.addImage("crosses", image(area, 20), { pixelRatio: ratio });
}
