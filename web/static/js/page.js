// What every page does: keep the place when the language or the theme changes, ask before what
// cannot be taken back, and show the time of waiting.

export const words = JSON.parse(document.getElementById("words").textContent);

/** Sentence `code` of the catalogue with its {values} filled in. */
export function say(code, values = {}) {
  if (!(code in words)) throw new Error(`no sentence for ${code}`);
  return words[code].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

document.querySelector('.bar nav [aria-current]')?.scrollIntoView({ inline: "center", block: "nearest" });

for (const button of document.querySelectorAll("[data-keep-place]")) {
  button.addEventListener("click", () => {
    button.form.elements.next.value = location.pathname + location.search + location.hash;
  });
}

// A form is sent once: a second press while the first is under way would ask for it twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.hasAttribute("hx-get") || form.hasAttribute("hx-post")) return;
  form.dataset.sent = "yes";
  setTimeout(() => {
    for (const button of form.querySelectorAll("button.primary")) {
      button.disabled = true;
      button.dataset.text = button.textContent;
      button.textContent = say("wait");
    }
  });
});

// Coming back by the browser's own button must not find a form that looks sent.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button[data-text]")) {
      button.disabled = false;
      button.textContent = button.dataset.text;
    }
  }
});
