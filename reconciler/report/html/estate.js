const find = (id) => document.getElementById(id);
const tools = find("filter");
const say = (text) => { find("connection").value = text; };
function filter() {
  if (!tools) return;
  const words = find("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = find("state").value;
  const cards = [...document.querySelectorAll("li[data-state]")];
  let shown = 0;
  for (const card of cards) {
    const text = card.textContent.toLowerCase();
    card.hidden = !((!state || card.dataset.state === state) && words.every((word) => text.includes(word)));
    shown += card.hidden ? 0 : 1;
  }
  find("shown").value = `${shown} of ${cards.length} shown`;
}
function choices() {
  if (!tools) return;
  const select = find("state");
  const chosen = select.value || new URLSearchParams(location.search).get("state") || "";
  const states = new Set([...document.querySelectorAll("li[data-state]")].map((card) => card.dataset.state));
  if (chosen) states.add(chosen);
  select.replaceChildren(new Option("all", ""), ...[...states].sort().map((state) => new Option(state, state)));
  select.value = chosen;
}
function remember() {
  const query = new URLSearchParams();
  if (find("text").value) query.set("text", find("text").value);
  if (find("state").value) query.set("state", find("state").value);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  filter();
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
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      const live = made.getElementById("live");
      if (!live) throw new Error("no page");
      const focused = document.activeElement?.id;
      find("live").replaceWith(live);
      document.title = made.title;
      if (focused && find(focused)) find(focused).focus();
      choices();
      filter();
    }
    say("live");
  } catch {
    say("this page could not be updated; it tries again after the next round");
  } finally {
    busy = false;
  }
}
if (tools) {
  find("text").value = new URLSearchParams(location.search).get("text") || "";
  tools.hidden = false;
  tools.addEventListener("input", remember);
}
choices();
filter();
const events = new EventSource("/events");
events.addEventListener("round", (event) => refresh(event.data));
events.addEventListener("error", () => say("connection lost; trying again"));
