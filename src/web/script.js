// Only what the pages can do without: a button that copies, no page out of the past, no second click.
"use strict";

for (const secret of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  const said = document.createElement("span");
  button.type = "button";
  button.className = "button quiet";
  button.textContent = secret.dataset.copy;
  said.className = "said";
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(secret.textContent.trim());
      said.textContent = secret.dataset.copied;
    } catch {
      getSelection().selectAllChildren(secret);
      said.textContent = secret.dataset.notCopied;
    }
  });
  secret.after(button, said);
}

// A browser may bring a page back as it was; after signing out it must not, and a secret never.
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll(".secret, .secret + .unseen")) secret.remove();
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  // What was sent there must not be sent once more.
  if (location.pathname === "/answer") location.replace("/");
  else location.reload();
});

// The second click of a double click would give up the answer to the first.
for (const form of document.forms) {
  form.addEventListener("submit", () => {
    setTimeout(() => {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
    });
  });
}
