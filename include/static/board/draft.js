// A draft works without this: a button checks. With it the check answers while somebody types; nothing is saved by it.
(() => {
  const card = document.querySelector("[data-check]");
  if (!card) return;
  const summary = card.querySelector("[data-summary]"), lines = card.querySelector("[data-lines]");
  const unsaved = card.querySelector("[data-unsaved]");
  const told = (one) => {
    const paragraph = document.createElement("p"), says = document.createElement("span");
    says.className = one.error ? "text-bad" : "text-mind";
    says.textContent = one.says;
    paragraph.append(says, ` ${one.does}`);
    return paragraph;
  };
  const show = (found) => {
    summary.textContent = found.problem || found.summary;
    if (found.problem) return;
    card.classList.toggle("bad", found.errors > 0);
    card.classList.toggle("good", found.errors === 0);
    lines.replaceChildren(...found.lines.map((one) => {
      const item = document.createElement("li"), where = document.createElement("strong");
      where.className = "nowrap";
      where.textContent = one.where;
      item.append(where, " ", ...told(one).childNodes);
      return item;
    }));
    for (const place of document.querySelectorAll("[data-for]")) {
      const here = found.fields[place.dataset.for] || [];
      place.replaceChildren(...here.map(told));
      const field = document.getElementById(place.id.replace(/-f$/, ""));
      if (here.some((one) => one.error)) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  };
  let timer = 0, asked = 0;
  for (const form of document.querySelectorAll("form[data-draft]")) {
    form.addEventListener("input", () => {
      unsaved.hidden = false;
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const serial = (asked += 1), data = new FormData(form);
        data.delete("file");
        try {
          const answer = await fetch(`${form.action}/controle`, { method: "POST", body: data });
          if (serial !== asked || !(answer.headers.get("content-type") || "").startsWith("application/json")) return;
          show(await answer.json());
        } catch { /* the server is away: the button says so */ }
      }, 600);
    });
  }
})();
