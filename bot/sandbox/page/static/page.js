// What htmx leaves to do: say what was refused, keep the newest message in sight, mind the keyboard.
const told = document.getElementById("told");
let hide;
document.body.addEventListener("told", (event) => {
  told.textContent = event.detail.value;
  told.hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => { told.hidden = true; }, 8000);
});

const NEAR = 120; // pixels from the end at which somebody is still reading the newest
const lists = () => document.querySelectorAll(".scroll, .bubbles");
const toEnd = (list) => { list.scrollTop = list.scrollHeight; };
document.body.addEventListener("htmx:beforeSwap", () => lists().forEach((list) => {
  list.dataset.near = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR ? "yes" : "";
}));
document.body.addEventListener("htmx:afterSettle", () => {
  lists().forEach((list) => { if (list.dataset.near) toEnd(list); });
  const modal = document.querySelector(".modal");
  if (modal && modal.id !== document.body.dataset.modal) {
    (modal.querySelector("input, textarea, select") || modal.querySelector("button")).focus();
  }
  document.body.dataset.modal = modal ? modal.id : "";
});
lists().forEach(toEnd);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const close = document.querySelector(".modal .close");
    if (close) close.click();
    document.querySelectorAll("details.more[open]").forEach((menu) => menu.removeAttribute("open"));
  }
});
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.more[open]").forEach((menu) => {
    if (!menu.contains(event.target) || event.target.closest(".more button")) menu.removeAttribute("open");
  });
});
