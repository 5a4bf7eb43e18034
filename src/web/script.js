// Only what the pages can do without: a button that copies, and no page out of the past.
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
    }
  });
  secret.after(button, said);
}

// A browser may bring a page back as it was; after signing out it must not.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
