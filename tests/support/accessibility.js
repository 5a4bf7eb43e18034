// What keeps people out of the page that is open, of what WCAG 2.2 AA asks for and a program can see: a list of
// sentences, empty if there is nothing.
const problems = [];
const all = (selector) => [...document.querySelectorAll(selector)];
const seen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const named = (element) => (element.id ? "#" + element.id : element.outerHTML.slice(0, 80));
const expect = (good, sentence) => good || problems.push(sentence);

// 3.1.1, 2.4.2, 1.3.1, 2.4.1: language, title, landmarks, headings, a way past the header
expect(/^(en|de)$/.test(document.documentElement.lang), "no language");
expect(document.title.trim().length > 5, "no title");
expect(all("main").length === 1 && all("header").length === 1, "no landmarks");
expect(all("h1").length === 1, "not one h1");
const levels = all("h1, h2, h3").map((heading) => Number(heading.tagName[1]));
expect(levels.every((level, index) => index === 0 || level <= levels[index - 1] + 1), "headings skip a level");
const skip = document.querySelector("a.skip");
expect(skip && document.querySelector(skip.getAttribute("href")), "nothing to skip the header with");
expect(!document.querySelector("meta[name=viewport]").content.includes("scal"+"able"), "zooming is forbidden");

// 4.1.2, 3.3.2, 1.3.5: names, labels, what a field is for
const ids = all("[id]").map((element) => element.id);
expect(new Set(ids).size === ids.length, "an id twice");
for (const field of all("input:not([type=hidden]), select"))
  expect(field.labels.length > 0, "no label: " + named(field));
for (const field of all("input[type=password]"))
  expect(["current-password", "one-time-code", "off"].includes(field.autocomplete), "autocomplete: " + named(field));
for (const element of all("a, button, summary"))
  expect((element.ariaLabel || element.textContent).trim(), "no name: " + named(element));
// 2.4.4: two links of one name lead to the same
const leads = new Map();
for (const link of all("a[href]").filter(seen)) {
  const name = (link.ariaLabel || link.textContent).trim();
  expect([undefined, link.href].includes(leads.get(name)), "two links of one name: " + name);
  leads.set(name, link.href);
}
for (const image of all("img")) expect(image.hasAttribute("alt"), "no alt: " + named(image));
for (const element of all("[aria-describedby], [aria-labelledby]"))
  for (const id of (element.getAttribute("aria-describedby") ?? element.getAttribute("aria-labelledby")).split(" "))
    expect(document.getElementById(id), "nothing is called " + id);

// 1.3.1: Safari tells nothing of a list whose marks are taken away, unless it says that it is one
for (const list of all("ul, ol").filter((list) => getComputedStyle(list).listStyleType === "none"))
  expect(list.getAttribute("role") === "list", "no list to everybody: " + named(list));

// 3.3.1: what is wrong stands beside its field, belongs to it, can be seen, and the first such field has the focus
const described = (element) => (element.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
const wrong = all("[aria-invalid=true]");
for (const field of wrong) {
  expect(described(field).some((id) => document.getElementById(id)?.matches(".wrong")), "nothing says what is wrong: " + named(field));
  expect(seen(field), "wrong, and folded away: " + named(field));
}
expect(wrong.length === 0 || document.activeElement === wrong[0], "the first wrong field has no focus");
for (const words of all(".wrong"))
  expect(wrong.some((field) => described(field).includes(words.id)), "belongs to no field: " + named(words));
for (const notice of all(".notice")) expect(/^(alert|status)$/.test(notice.getAttribute("role")), "is told to nobody: " + named(notice));

// 2.2.1: where an answer has its time, the field says so
for (const answer of all("#answer"))
  expect(described(answer).some((id) => /minute/i.test(document.getElementById(id)?.textContent)), "no time limit: " + named(answer));

// 4.1.2: a name alone does not say what opens behind it
for (const summary of all(".account summary"))
  expect(summary.textContent.trim().split(/\s+/).length > 2, "a bare name: " + named(summary));

// 2.5.8: targets of 24 by 24 at least; here 44 high
for (const target of all("a, button, summary, select, input:not([type=hidden])").filter(seen)) {
  const box = (target.closest("label") ?? target).getBoundingClientRect();
  const inline = target.tagName === "SUMMARY" && target.closest(".notice, section > details");
  expect(target.matches(".skip") || (box.width >= 24 && box.height >= (inline ? 20 : 40)), `small: ${box.width}x${box.height} ` + named(target));
}

// 1.4.10: nothing to scroll sideways
expect(document.documentElement.scrollWidth <= innerWidth, "wider than the screen: " + document.documentElement.scrollWidth);

// 1.4.3, 1.4.11: contrast of text 4.5, of the borders of fields 3
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = (colour) => {
  const [r, g, b] = channels(colour).map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if ((channels(colour)[3] ?? 1) === 1) return colour;
  }
  return "rgb(255, 255, 255)";
};
const contrast = (one, other) => {
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || !seen(element)) continue;
  const ratio = contrast(getComputedStyle(element).color, behind(element));
  expect(ratio >= 4.5, `contrast ${ratio.toFixed(2)}: ${texts.currentNode.data.trim()}`);
}
for (const field of all("input:not([type=hidden]):not([type=checkbox]):not([readonly]), select").filter(seen)) {
  const ratio = contrast(getComputedStyle(field).borderColor, behind(field.parentElement));
  expect(ratio >= 3, `border ${ratio.toFixed(2)}: ` + named(field));
}
return problems;
