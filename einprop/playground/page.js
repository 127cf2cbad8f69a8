// The page: asks the server about the text as it is typed, and shows what comes back.

import { showMarks } from "./editor.js";

const element = (id) => document.getElementById(id);
const text = element("text");
const fields = { of: element("of"), wrt: element("wrt") };
const PAUSE = 150; // Milliseconds without typing before the server is asked.

let given = {}; // Sizes that were typed, by letter.
let panels = []; // Each with its name, its details element and the box of its text.
let latest = 0; // Counts changes, so that an answer to an earlier one is known as such.
let timer = 0;
let waiting = false; // One question at a time: the newest follows when an answer is there.

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Asking

function changed(pause = PAUSE) {
  latest += 1;
  element("panels").ariaBusy = "true";
  clearTimeout(timer);
  timer = setTimeout(ask, pause);
}

function question() {
  return {
    text: text.value,
    of: fields.of.value,
    wrt: fields.wrt.value,
    sizes: given,
    panels: panels.filter((panel) => panel.details.open).map((panel) => panel.name),
    backward: element("pass").value === "both",
    backend: element("backend").value,
  };
}

async function ask() {
  timer = 0;
  if (waiting) return;
  waiting = true;
  const asked = latest;
  const found = await answer(question());
  waiting = false;
  if (asked === latest) show(found);
  else if (timer === 0) ask();
}

async function answer(body) {
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("/api", { method: "POST", headers, body: JSON.stringify(body) });
    return await response.json();
  } catch {
    return { error: { text: "the server does not answer: is it still running?", marks: [] } };
  }
}

// Showing

function show(found) {
  const wrong = Boolean(found.error);
  const error = element("error");
  error.hidden = !wrong;
  showError(error, wrong ? found.error.text : "");
  text.setAttribute("aria-invalid", String(wrong));
  element("panels").classList.toggle("stale", wrong);
  const errors = wrong ? [found.error] : Object.values(found.panels).map((p) => p.error);
  const marks = errors.filter(Boolean).flatMap((e) => e.marks);
  showMarks(element("marks"), text.value, marks.sort((a, b) => a[0] - b[0]));
  element("status").hidden = wrong;
  element("status").textContent = wrong ? "" : roles(found);
  if (!wrong) {
    showSizes(found.sizes);
    for (const panel of panels) showPanel(panel, found.panels[panel.name]);
  }
  element("panels").ariaBusy = "false";
}

function roles(found) {
  const list = (word, names) => (names.length ? `${word} ${names.join(", ")}` : `no ${word}`);
  return `${list("inputs", found.inputs)}; ${list("outputs", found.outputs)}`;
}

function showPanel(panel, found) {
  panel.box.classList.toggle("wrong", Boolean(found?.error));
  panel.formulae.replaceChildren(...(found?.formulae ?? []).map(parsed));
  if (found?.error) showError(panel.box, found.error.text);
  else panel.box.textContent = found?.text ?? "";
}

// The server's MathML as an element. It is the only markup that this page ever reads.
const markup = globalThis.trustedTypes?.createPolicy("mathml", { createHTML: (text) => text });

function parsed(text) {
  const trusted = markup ? markup.createHTML(text) : text;
  const found = new DOMParser().parseFromString(trusted, "application/xml");
  return document.importNode(found.documentElement, true);
}

// What is said about a program wraps; its own lines, which are indented, do not.
function showError(box, said) {
  const lines = said.split("\n").map((line) => {
    const own = line.startsWith("    ");
    return make(own ? "span" : "div", { textContent: line });
  });
  box.replaceChildren(...lines);
}

function showSizes(sizes) {
  const box = element("sizes");
  const letters = Object.keys(sizes).sort();
  const shown = [...box.querySelectorAll("input")];
  if (shown.map((input) => input.name).join() !== letters.join()) {
    box.querySelectorAll("label").forEach((label) => label.remove());
    box.append(...letters.map(sizeField));
  }
  box.hidden = letters.length === 0;
  for (const input of box.querySelectorAll("input")) {
    if (input !== document.activeElement) input.value = sizes[input.name];
  }
}

function sizeField(letter) {
  const input = make("input", { name: letter, type: "number", min: 0, max: 2 ** 31 - 1 });
  input.addEventListener("input", () => {
    delete given[letter];
    if (input.value !== "" && input.validity.valid) given[letter] = Number(input.value);
    changed();
  });
  return make("label", {}, letter, input);
}

// Building

function addPanel({ name, title, opened }) {
  const box = make("div", { className: "text", tabIndex: 0, role: "region", ariaLabel: title });
  const copy = make("button", { type: "button", textContent: "copy", ariaLabel: `copy: ${title}` });
  copy.addEventListener("click", () => copied(copy, textOf(box)));
  const details = make("details", { className: "panel", open: opened, id: `panel-${name}` });
  const formulae = make("div", { className: "formulae" });
  details.append(make("summary", { textContent: title }), copy, formulae, box);
  details.addEventListener("toggle", () => changed(0));
  element("panels").append(details);
  return { name, details, formulae, box };
}

function textOf(box) {
  const lines = [...box.children].map((line) => line.textContent);
  return lines.length ? lines.join("\n") : box.textContent;
}

async function copied(button, content) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(content);
    button.textContent = "copied";
  } catch {
    button.textContent = "not allowed";
  }
  setTimeout(() => (button.textContent = before), 1200);
}

// The program in the address

function load(program, of = "", wrt = "") {
  text.value = program;
  fields.of.value = of;
  fields.wrt.value = wrt;
  given = {};
  showMarks(element("marks"), program, []);
  for (const panel of panels) showPanel(panel);
  showSizes({});
  changed(0);
}

function loadExample({ text: program, wrt, opens }) {
  for (const { name, details } of panels) details.open ||= opens.includes(name);
  load(program, "", wrt);
}

function loadLink() {
  const carried = new URLSearchParams(location.hash.slice(1));
  if (!carried.has("p")) return false;
  load(carried.get("p"), carried.get("of") ?? "", carried.get("wrt") ?? "");
  return true;
}

function link() {
  const carried = new URLSearchParams({ p: text.value });
  for (const [name, field] of Object.entries(fields)) {
    if (field.value.trim()) carried.set(name, field.value);
  }
  history.replaceState(null, "", `#${carried}`);
  copied(element("link"), location.href);
}

async function start() {
  const { panels: kinds, examples, backends } = await (await fetch("/start")).json();
  const choose = element("example");
  choose.append(make("option", { value: "", textContent: "…" }));
  choose.append(...examples.map((e) => make("option", { value: e.title, textContent: e.title })));
  element("backend").append(...backends.map((name) => make("option", { textContent: name })));
  panels = kinds.map(addPanel);
  choose.addEventListener("change", () => {
    const chosen = examples.find((example) => example.title === choose.value);
    if (chosen) loadExample(chosen);
  });
  text.addEventListener("input", () => {
    choose.value = "";
    showMarks(element("marks"), text.value, []);
    changed();
  });
  for (const field of Object.values(fields)) field.addEventListener("input", () => changed());
  for (const id of ["pass", "backend"]) element(id).addEventListener("change", () => changed(0));
  element("options").addEventListener("submit", (event) => event.preventDefault());
  element("link").addEventListener("click", link);
  addEventListener("hashchange", loadLink);
  if (!loadLink()) {
    choose.value = examples[0].title;
    loadExample(examples[0]);
  }
}

start();
