"""
The style and the script of the HTML report; its content security policy allows these two and nothing else.

Neither holds two colons or two hashes in a row, which a CI runner might take for a command in a log.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #f6f8fa; --card: #ffffff; --ink: #1c2128; --quiet: #57606a; --line: #d0d7de; --focus: #0550ae;
  --good: #116329; --good-back: #dafbe1; --bad: #a40e26; --bad-back: #ffebe9;
  --warn: #7d4e00; --warn-back: #fff4c2; --calm: #0550ae; --calm-back: #ddf4ff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --card: #161b22; --ink: #e6edf3; --quiet: #9da7b3; --line: #30363d; --focus: #79c0ff;
    --good: #7ee787; --good-back: #12301c; --bad: #ffb1a8; --bad-back: #3c1618;
    --warn: #f2cc60; --warn-back: #332600; --calm: #9ccfff; --calm-back: #10294a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere;
}
code, .mark, .value, .place, .id {
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
[hidden] { display: none !important; }
header {
  border-left: .375rem solid var(--tone); background: var(--tone-back); border-radius: .5rem; padding: 1rem 1.25rem;
}
header p { margin: 0; font-size: .875rem; color: var(--ink); }
h1 { margin: .125rem 0 .375rem; font-size: 1.5rem; line-height: 1.3; letter-spacing: -.01em; color: var(--tone); }
h2 { margin: 2rem 0 .75rem; font-size: 1.125rem; }
ul { list-style: none; margin: 0; padding: 0; }
li.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: 0 0 .5rem; }
.head {
  display: grid; grid-template-columns: auto auto auto minmax(25%, 1fr) auto; align-items: baseline;
  gap: .25rem .625rem; padding: .625rem .875rem;
}
summary { cursor: pointer; border-radius: .5rem; }
summary:after { content: "\\25be"; color: var(--quiet); }
details[open] > summary:after { content: "\\25b4"; }
.mark {
  display: inline-block; min-width: 1.5em; text-align: center; font-weight: 700; border-radius: .25rem;
  color: var(--tone); background: var(--tone-back);
}
.name { font-weight: 600; }
.kind, .place { color: var(--quiet); font-weight: 400; }
.place { font-size: .8125rem; }
.state {
  font-size: .8125rem; font-weight: 600; border-radius: 1rem; padding: 0 .625rem;
  color: var(--tone); background: var(--tone-back);
}
.head > .place { text-align: right; }
.body { border-top: 1px solid var(--line); padding: .75rem .875rem; font-size: .9375rem; }
.card > .body:first-child { border-top: 0; }
.body p { margin: 0 0 .5rem; }
.body > :last-child { margin-bottom: 0; }
.id { color: var(--quiet); font-size: .8125rem; }
.fix { border-left: .1875rem solid var(--calm); padding-left: .625rem; }
.error { border-left: .1875rem solid var(--bad); padding-left: .625rem; margin: 0 0 .5rem; }
.error > :last-child { margin: 0; }
.fields { margin: 0 0 .5rem; }
.fields dt { font-weight: 600; font-size: .875rem; margin-top: .5rem; }
.fields dd { margin: .125rem 0 0; }
.note { font-weight: 400; color: var(--quiet); }
del, ins, .value {
  display: block; text-decoration: none; font-size: .8125rem; padding: .0625rem .5rem; white-space: pre-wrap;
}
del { color: var(--bad); background: var(--bad-back); }
ins { color: var(--good); background: var(--good-back); }
del:before { content: "\\2212\\00a0"; }
ins:before { content: "+\\00a0"; }
.lines { margin: .25rem 0 0; border: 1px solid var(--line); border-radius: .25rem; }
.tone-good { --tone: var(--good); --tone-back: var(--good-back); }
.tone-bad { --tone: var(--bad); --tone-back: var(--bad-back); }
.tone-warn { --tone: var(--warn); --tone-back: var(--warn-back); }
.tone-calm { --tone: var(--calm); --tone-back: var(--calm-back); }
.tone-quiet { --tone: var(--quiet); --tone-back: var(--page); }
.state, legend, label, output { overflow-wrap: break-word; }
form { margin: 0 0 1rem; }
fieldset { border: 0; margin: 0 0 .625rem; padding: 0; display: flex; flex-wrap: wrap; gap: .5rem; }
legend { float: left; padding: 0; line-height: 2rem; font-size: .875rem; }
.chip {
  display: inline-flex; align-items: center; gap: .375rem; min-height: 2rem; padding: 0 .75rem; border-radius: 1rem;
  border: 1px solid var(--line); background: var(--card); font-size: .875rem; cursor: pointer;
}
.chip:has(:checked) { border-color: var(--tone); background: var(--tone-back); color: var(--tone); font-weight: 600; }
.chip input { accent-color: var(--focus); margin: 0; }
.search { display: flex; align-items: center; gap: .75rem; font-size: .875rem; }
label.search { flex: 1 1 auto; max-width: 30rem; }
input[type=search] {
  flex: 1 1 auto; min-width: 0; font: inherit; font-size: 1rem; padding: .375rem .625rem; color: inherit;
  background: var(--card); border: 1px solid var(--quiet); border-radius: .375rem;
}
output { color: var(--quiet); }
:focus-visible, .chip:focus-within { outline: .1875rem solid var(--focus); outline-offset: .125rem; }
footer { margin-top: 2rem; color: var(--quiet); font-size: .8125rem; }
@media (max-width: 40rem) {
  .head { grid-template-columns: auto 1fr auto; }
  .head > .state { grid-column: 2; grid-row: 2; justify-self: start; }
  .head > .place { grid-column: 2; grid-row: 3; text-align: left; }
  .kind { display: block; font-size: .875rem; }
  dt .place { display: block; }
  div.search { flex-wrap: wrap; }
  label.search { flex-basis: 100%; }
}
@media print { form { display: none; } li.card { break-inside: avoid; } }
"""

SCRIPT: Final = """
const form = document.querySelector("form");
const cards = [...document.querySelectorAll("li[data-state]")];
const boxes = [...form.querySelectorAll("input[type=checkbox]")];
const search = form.querySelector("input[type=search]");
const texts = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));
function filter() {
  const states = boxes.filter((box) => box.checked).map((box) => box.value);
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
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
"""


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_source(STYLE)}; script-src {_source(SCRIPT)}; base-uri 'none'; form-action 'none'"
)
"""Of ``Content-Security-Policy``: nothing is loaded, sent or embedded, and nothing runs that is not above."""
