const form = document.querySelector("form");
const cards = [...document.querySelectorAll("li[data-state]")];
const boxes = [...form.querySelectorAll("input[type=checkbox]")];
const search = form.querySelector("input[type=search]");
const texts = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));
function filter() {
  const states = boxes.filter((box) => box.checked).map((box) => box.value);
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of cards) {
    const fits = states.length === 0 || states.includes(card.dataset.state);
    card.hidden = !(fits && words.every((word) => texts.get(card).includes(word)));
    shown += card.hidden ? 0 : 1;
  }
  form.querySelector("output").value = `${shown} of ${cards.length} shown`;
}
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
filter();
