// The editor: a text area with marks under its letters.

/** Shows marks under the text; each is a start and an end, in the units in which strings count. */
export function showMarks(layer, text, marks) {
  layer.replaceChildren();
  let done = 0;
  for (const [start, end] of marks) {
    if (start < done) continue; // It lies within the one before.
    layer.append(text.slice(done, start));
    const mark = document.createElement("mark");
    mark.textContent = text.slice(start, end);
    // The end of a line or of the text has no letter to underline.
    if (mark.textContent.trim() === "") mark.className = "point";
    layer.append(mark);
    done = end;
  }
  // A last line without letters takes no room unless something follows.
  layer.append(text.slice(done) + "\u200b");
}
