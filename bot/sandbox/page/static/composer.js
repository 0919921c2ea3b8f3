// Where one writes: it grows, keeps what was begun, completes commands, and takes files.
const grow = (box) => {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
};
const write = (box, words) => {
  box.value = words;
  box.dispatchEvent(new Event("input"));
};

// The list of commands: what begins like what is typed.
const commands = document.getElementById("commands");
const offered = () => [...commands.children].filter((one) => !one.hidden);
const chosen = () => commands.querySelector("[aria-selected=true]");
const choose = (box, one) => {
  chosen()?.setAttribute("aria-selected", "false");
  one?.setAttribute("aria-selected", "true");
  one?.scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", one ? one.id : "");
};
const offer = (box) => {
  const typed = /^\/[a-z]*$/.test(box.value) ? box.value : null;
  for (const one of commands.children) one.hidden = typed === null || !one.dataset.command.startsWith(typed);
  commands.hidden = !offered().length;
  box.setAttribute("aria-expanded", String(!commands.hidden));
  choose(box, offered()[0]);
};
const complete = (box, one) => {
  write(box, `${one.dataset.command} `);
  box.focus();
};
const inList = (box, event) => {
  const all = offered(), at = all.indexOf(chosen());
  if (event.key === "Escape") commands.hidden = true;
  else if (event.key === "ArrowDown") choose(box, all[(at + 1) % all.length]);
  else if (event.key === "ArrowUp") choose(box, all.at(at - 1));
  else if (event.key === "Tab" || (event.key === "Enter" && chosen().dataset.command !== box.value)) complete(box, chosen());
  else return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
};

// Files: chosen, dropped or pasted, and taken away again.
const keep = (input, files) => {
  const kept = new DataTransfer();
  files.forEach((file) => kept.items.add(file));
  input.files = kept.files;
  show(input);
};
const show = (input) => {
  const files = [...input.files];
  const rows = files.map((file) => {
    const row = document.createElement("li"), away = document.createElement("button");
    if (file.type.startsWith("image/")) {
      const picture = row.appendChild(new Image());
      picture.src = URL.createObjectURL(file);
      picture.alt = "";
    }
    row.append(file.name, away);
    Object.assign(away, { type: "button", textContent: "✕", ariaLabel: `Remove ${file.name}` });
    away.onclick = () => keep(input, files.filter((one) => one !== file));
    return row;
  });
  input.form.querySelector(".attached").replaceChildren(...rows);
};

document.querySelectorAll("form.composer").forEach((form) => {
  const box = form.elements.said, input = form.elements.files, { draft } = form.dataset;
  const lists = box.hasAttribute("aria-controls");
  const add = (files) => files.length && keep(input, [...input.files, ...files]);
  const clear = () => { write(box, ""); keep(input, []); };
  box.addEventListener("input", () => {
    sessionStorage.setItem(draft, box.value);
    grow(box);
    if (lists) offer(box);
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || (lists && !commands.hidden && inList(box, event))) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  let last;
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target === form && !box.value.trim() && !input.files.length) event.preventDefault();
  });
  form.addEventListener("htmx:beforeSend", (event) => {
    if (event.target !== form) return;
    if (form.elements.broadcast) form.elements.broadcast.checked = false;
    last = { words: box.value, files: [...input.files] };
    clear();
    form.parentElement.querySelector(".scroll, .talk")?.scrollTo({ top: 0 });
  });
  form.addEventListener("htmx:afterRequest", (event) => { // what was refused stays in the box
    const kept = event.target === form && event.detail.xhr.getResponseHeader("HX-Trigger");
    if (kept && !box.value) { write(box, last.words); keep(input, last.files); }
  });
  input.addEventListener("change", () => { show(input); box.focus(); });
  box.addEventListener("paste", (event) => add([...event.clipboardData.files]));
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    add([...event.dataTransfer.files]);
  });
  box.value ||= sessionStorage.getItem(draft) || "";
  if (box.value) grow(box);
  show(input);
});
commands?.addEventListener("mousedown", (event) => {
  event.preventDefault();
  complete(document.getElementById("said"), event.target.closest("li"));
});

// The tour types and attaches for whoever would rather press.
document.querySelectorAll("[data-fill]").forEach((button) => button.addEventListener("click", () => {
  const box = document.getElementById(button.dataset.fill);
  if (!box) return tell("Open #leads first.");
  write(box, button.dataset.words);
  box.focus();
}));
document.querySelectorAll("[data-picture]").forEach((button) => button.addEventListener("click", async () => {
  const box = document.getElementById("replied");
  if (!box) return tell("Open Ann's thread first: press the replies under her name in #leads.");
  const picture = await (await fetch(button.dataset.picture)).blob();
  keep(box.form.elements.files, [new File([picture], "garden.png", { type: picture.type })]);
  box.focus();
}));
