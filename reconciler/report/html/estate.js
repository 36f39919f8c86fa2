const find = (id) => document.getElementById(id);
const say = (text) => { find("connection").value = text; };
const cards = () => [...document.querySelectorAll("li[data-state]")];
const boxes = () => [...document.querySelectorAll("[data-filter] input[type=checkbox]")];
const words = () => find("text").value.toLowerCase().split(/\s+/).filter(Boolean);
function filter() {
  const wanted = words();
  const states = boxes().filter((box) => box.checked).map((box) => box.value);
  let shown = 0;
  for (const card of cards()) {
    const text = card.textContent.toLowerCase();
    const fits = states.length === 0 || states.includes(card.dataset.state);
    card.hidden = !(fits && wanted.every((word) => text.includes(word)));
    shown += card.hidden ? 0 : 1;
  }
  find("shown").value = `${shown} of ${cards().length} shown`;
}
function chip(state, number, isChosen) {
  const made = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = state;
  box.id = `state-${state}`;
  box.checked = isChosen;
  made.className = "chip";
  made.append(box, `${number} ${state}`);
  return made;
}
function prepare(text, chosen) {
  const tools = document.querySelector("[data-filter]");
  if (!tools) return;
  const numbers = new Map(chosen.map((state) => [state, 0]));
  for (const card of cards()) numbers.set(card.dataset.state, (numbers.get(card.dataset.state) || 0) + 1);
  tools.querySelector("fieldset").append(...[...numbers].map(([state, number]) => chip(state, number, chosen.includes(state))));
  find("text").value = text;
  tools.hidden = cards().length === 0;
  tools.addEventListener("input", remember);
  filter();
}
function remember() {
  const query = new URLSearchParams();
  if (find("text").value) query.set("text", find("text").value);
  for (const box of boxes()) if (box.checked) query.append("state", box.value);
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
  filter();
}
function take(text) {
  const made = new DOMParser().parseFromString(text, "text/html");
  const live = made.getElementById("live");
  if (!live) throw new Error("no page");
  const focused = document.activeElement?.id;
  const cursor = focused === "text" ? find("text").selectionStart : null;
  const typed = find("text")?.value;
  const scrolled = [...document.querySelectorAll(".wide")].map((each) => each.scrollLeft);
  find("live").replaceWith(live);
  document.title = made.title;
  const query = new URLSearchParams(location.search);
  prepare(typed ?? query.get("text") ?? "", query.getAll("state"));
  document.querySelectorAll(".wide").forEach((each, place) => { each.scrollLeft = scrolled[place] || 0; });
  if (focused) find(focused)?.focus({ preventScroll: true });
  if (cursor !== null) find("text")?.setSelectionRange(cursor, cursor);
}
let wanted = "";
let busy = false;
async function refresh(number) {
  wanted = number;
  if (busy) return;
  busy = true;
  try {
    let taken = find("live").dataset.round;
    while (taken !== wanted) {
      taken = wanted;
      const answer = await fetch(location.pathname);
      take(await answer.text());
    }
    say("live");
  } catch {
    say("this page could not be updated; it tries again after the next round");
  } finally {
    busy = false;
  }
}
const asked = new URLSearchParams(location.search);
prepare(asked.get("text") || "", asked.getAll("state"));
const events = new EventSource("/events");
events.addEventListener("round", (event) => refresh(event.data));
events.addEventListener("error", () => say("connection lost; trying again"));
