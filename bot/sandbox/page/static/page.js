// What htmx leaves to do: say what was refused, mind the keyboard, mark what is new.
const told = document.getElementById("told");
let hide;
const tell = (words, keep) => {
  told.textContent = words;
  told.hidden = false;
  clearTimeout(hide);
  if (!keep) hide = setTimeout(() => { told.hidden = true; }, 8000 + 40 * words.length);
};
document.body.addEventListener("told", (event) => tell(event.detail.value));

// What takes its time says why.
let waiting;
document.body.addEventListener("htmx:beforeRequest", (event) => {
  const why = event.target.dataset?.wait;
  if (why) waiting = setTimeout(() => tell(why, true), 700);
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (!event.target.dataset?.wait) return;
  clearTimeout(waiting);
  if (told.textContent === event.target.dataset.wait) told.hidden = true;
});

// A demo that was stopped; and one that is there again, with everything new.
let stopped = false;
document.body.addEventListener("htmx:sseError", () => {
  stopped = true;
  tell("The demo has stopped. Start it again: make demo", true);
});
document.body.addEventListener("htmx:sseOpen", () => { if (stopped) location.assign("/"); });
addEventListener("pagehide", () => { stopped = false; told.remove(); });

// Where one was reading, when something beside it is opened.
const list = document.querySelector("#messages").parentElement;
const where = new URLSearchParams(location.search);
const reading = `reading ${where.get("in")} ${where.get("until")}`;
list.scrollTop = sessionStorage.getItem(reading) || 0;
addEventListener("pagehide", () => sessionStorage.setItem(reading, list.scrollTop));

// Slack shows what only you see until it is loaded anew.
const [visit] = performance.getEntriesByType("navigation");
if (visit && visit.type === "reload") htmx.ajax("POST", document.body.dataset.forget, { swap: "none" });

// A dot beside channels and phones where something came since they were last looked at.
const marked = () => document.querySelectorAll("[data-seen]").forEach((link) => {
  const { seen, count } = link.dataset;
  if (link.hasAttribute("aria-current") || !sessionStorage.getItem(seen)) sessionStorage.setItem(seen, count);
  const fresh = Number(count) > Number(sessionStorage.getItem(seen));
  link.classList.toggle("fresh", fresh);
  link.setAttribute("aria-label", fresh ? `${link.textContent}, new` : link.textContent);
});

// Slack's own refusals, as they come.
let refusals = document.querySelector("[data-refused]")?.dataset.refused;
const refused = () => {
  const last = document.querySelector("[data-refused]");
  if (last && last.dataset.refused !== refusals) tell(last.textContent);
  refusals = last?.dataset.refused;
};

// A modal takes the keyboard, and gives it back.
let shown, before;
const modal = () => {
  const now = document.querySelector(".modal");
  if (now?.id === shown) return;
  if (now && !shown) before = document.activeElement;
  document.querySelectorAll("body > :not(#modal, #sure, #told, script)").forEach((part) => { part.inert = Boolean(now); });
  if (now) (now.querySelector(".inside :is(input, textarea, select)") || now.querySelector("footer button:last-child")).focus();
  else if (before?.isConnected) before.focus();
  shown = now?.id;
};
const settled = () => { marked(); refused(); modal(); };
document.body.addEventListener("htmx:afterSettle", settled);
settled();

// Some buttons ask first, and a form is told to go only once it has all that was typed.
const dialog = document.getElementById("sure");
const sure = ({ title, text, confirm, deny, style }) => new Promise((answer) => {
  const [no, yes] = dialog.querySelectorAll("button");
  dialog.querySelector("b").textContent = title;
  dialog.querySelector("p").textContent = text;
  no.textContent = deny;
  Object.assign(yes, { textContent: confirm, className: style });
  dialog.returnValue = "";
  dialog.onclose = () => answer(dialog.returnValue === "yes");
  dialog.showModal();
});
document.body.addEventListener("htmx:confirm", async (event) => {
  const asks = event.target.dataset.sure;
  if (!asks && !event.target.matches(".modal button:not(.close)")) return;
  event.preventDefault();
  if (asks && !(await sure(JSON.parse(asks)))) return;
  const go = () => document.querySelector(".modal .inside :is(input, textarea, select).htmx-request")
    ? setTimeout(go, 10) : event.detail.issueRequest(true);
  go();
});

// A menu opens to where there is room.
document.addEventListener("toggle", (event) => {
  const menu = event.target, room = menu.closest(".scroll, .modal")?.getBoundingClientRect();
  if (!menu.matches("details.more") || !menu.open || !room) return;
  const list = menu.lastElementChild, place = list.getBoundingClientRect();
  if (place.right > room.right) Object.assign(list.style, { right: 0, left: "auto" });
  if (place.bottom > room.bottom) Object.assign(list.style, { bottom: "100%" });
}, true);

// What lies open stays open while the page changes under it.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.tagName === "DETAILS") && !(name === "style" && node.matches(".more > div"));
const menus = () => document.querySelectorAll("details.more[open]");
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !dialog.open) {
    const open = menus();
    if (open.length) open.forEach((menu) => { menu.open = false; menu.firstElementChild.focus(); });
    else document.querySelector(".modal .close")?.click();
  }
  if (event.key === "Enter" && event.target.matches(".modal input[type=text]")) {
    document.querySelector(".modal footer .primary")?.click();
  }
});
document.addEventListener("click", (event) => menus().forEach((menu) => {
  if (!menu.contains(event.target) || event.target.closest(".more div button")) menu.open = false;
}));
