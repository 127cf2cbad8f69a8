// Reads a JSON list of flowcharts on the standard input by Mermaid's own parser and writes, for each,
// the vertices, edges and classes that it found. The argument is the folder that holds node_modules.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const require = createRequire(pathToFileURL(join(folder, "package.json")));
const { JSDOM } = require("jsdom");
const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const entry = join(folder, "node_modules", "mermaid", "dist", "mermaid.core.mjs");
const mermaid = (await import(pathToFileURL(entry))).default;
mermaid.initialize({ startOnLoad: false });

const found = [];
for (const text of JSON.parse(readFileSync(0, "utf-8"))) {
  const diagram = await mermaid.mermaidAPI.getDiagramFromText(text);
  const vertices = [...diagram.db.getVertices().values()];
  found.push({
    type: diagram.type,
    vertices: vertices.map((v) => ({ id: v.id, text: v.text, type: v.type ?? null, classes: v.classes })),
    edges: diagram.db.getEdges().map((e) => ({
      start: e.start, end: e.end, text: e.text, stroke: e.stroke, labelType: e.labelType ?? null,
    })),
  });
}
process.stdout.write(JSON.stringify(found));
