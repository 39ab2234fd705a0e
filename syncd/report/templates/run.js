"use strict";
(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const filter = document.getElementById("filter");
  const result = document.getElementById("result");
  const count = document.getElementById("count");

  for (const name of Array.from(new Set(rows.map((row) => row.dataset.result))).sort()) {
    result.add(new Option(name, name));
  }

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = (!result.value || row.dataset.result === result.value) &&
        words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      if (fits) shown += 1;
    }
    count.textContent = shown + " of " + rows.length + " shown";
  };

  const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = rows.map((row) => [row.cells[column].textContent.trim(), row]);
      keyed.sort((a, b) => compare(a[0], b[0]) * (down ? -1 : 1));
      body.append(...keyed.map((pair) => pair[1]));
    });
  });

  filter.addEventListener("input", show);
  result.addEventListener("change", show);
  document.querySelector(".controls").hidden = false;
  show();
})();
