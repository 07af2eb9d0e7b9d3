// A folder of loose shapefile parts becomes one zip, stored and not pressed: the server reads zips,
// and what is sent is then one thing that arrives whole or not at all.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c >>> 0;
});

const PART_BYTES = 8 * 1024 * 1024;

// Part by part: the sheets of an elevation model need not fit into memory.
async function crc32(file) {
  let c = 0xffffffff;
  for (let at = 0; at < file.size; at += PART_BYTES) {
    const bytes = new Uint8Array(await file.slice(at, at + PART_BYTES).arrayBuffer());
    for (const byte of bytes) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  }
  return (c ^ 0xffffffff) >>> 0;
}

function record(signature, fields, name) {
  const head = new DataView(new ArrayBuffer(4 + fields.reduce((sum, [size]) => sum + size, 0)));
  head.setUint32(0, signature, true);
  let at = 4;
  for (const [size, value] of fields) {
    if (size === 2) head.setUint16(at, value, true);
    else head.setUint32(at, value, true);
    at += size;
  }
  return [new Uint8Array(head.buffer), name];
}

/** One zip of `files`, each {path, file}; names are UTF-8 and say so. */
export async function zip(files) {
  const parts = [];
  const listed = [];
  let offset = 0;
  for (const { path, file } of files) {
    const name = new TextEncoder().encode(path);
    const sum = await crc32(file);
    // Version 2.0, names in UTF-8, stored, 1 January 1980.
    const common = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 33], [4, sum], [4, file.size], [4, file.size], [2, name.length], [2, 0]];
    const local = record(0x04034b50, common, name);
    parts.push(...local, file);
    listed.push(...record(0x02014b50, [[2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]], name));
    offset += local[0].length + name.length + file.size;
  }
  const size = listed.reduce((sum, part) => sum + part.length, 0);
  const [end] = record(0x06054b50, [[2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]], null);
  return new Blob([...parts, ...listed, end], { type: "application/zip" });
}

const WHOLE = /\.(zip|gpkg|geojson|json|dxf|kml|kmz|csv|xlsx)$/i;
const PART = /\.(shp|shx|dbf|prj|cpg)$/i;

/** What to send of chosen files: `whole`, as they are or loose parts as one zip per folder; and `left`,
 * the paths of what we do not read. */
export async function parcels(files) {
  const whole = [];
  const left = [];
  const folders = new Map();
  for (const file of files) {
    const path = file.webkitRelativePath || file.relative || file.name;
    if (WHOLE.test(file.name)) whole.push(file);
    else if (PART.test(file.name)) {
      const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
      if (!folders.has(folder)) folders.set(folder, []);
      folders.get(folder).push({ path: file.name, file, from: path });
    } else left.push(path);
  }
  for (const [folder, parts] of folders) {
    const shape = parts.find(({ path }) => /\.shp$/i.test(path));
    if (!shape) {
      left.push(...parts.map(({ from }) => from));
      continue;
    }
    // The same files make the same zip, of the day of the newest: so the server knows again what it has
    // a part of.
    parts.sort((a, b) => (a.path < b.path ? -1 : 1));
    const lastModified = Math.max(...parts.map(({ file }) => file.lastModified));
    const name = folder ? folder.split("/").at(-1) : shape.path.replace(/\.shp$/i, "");
    whole.push(new File([await zip(parts)], `${name}.zip`, { type: "application/zip", lastModified }));
  }
  return { whole, left };
}

/** The files of a drop, folders gone through. */
export async function dropped(items) {
  const found = [];
  const walk = async (entry, inside) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      file.relative = inside + file.name;
      found.push(file);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return;
      for (const one of some) await walk(one, `${inside}${entry.name}/`);
    }
  };
  // All entries are taken at once: the list of a drop is gone after the first wait.
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) await walk(entry, "");
  return found;
}
