// What the page gains from a script: a filter, copy buttons, and the place where one is. Without it all is there to read.
const routes = document.getElementById("routes");
const articles = [...document.querySelectorAll("[data-find]")];
const links = new Map([...document.querySelectorAll("[data-of]")].map((link) => [link.dataset.of, link]));

const found = document.createElement("p");
found.className = "found";
found.setAttribute("role", "status");
found.hidden = true;
const find = document.createElement("input");
find.className = "find";
find.type = "search";
find.placeholder = "Find a route ( / )";
find.setAttribute("aria-label", "Find a route");
routes.prepend(find, found);

find.addEventListener("input", () => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const article of articles) {
    const fits = words.every((word) => article.dataset.find.includes(word));
    article.hidden = !fits;
    links.get(article.id).parentElement.hidden = !fits;
    if (fits) count++;
  }
  for (const group of routes.querySelectorAll("[data-group]"))
    group.hidden = !group.querySelector("ul > li:not([hidden])");
  for (const section of document.querySelectorAll("[data-section]"))
    section.hidden = words.length > 0 && !section.querySelector("[data-find]:not([hidden])");
  document.querySelector(".start").hidden = words.length > 0;
  routes.classList.toggle("finding", words.length > 0);
  found.hidden = words.length === 0;
  found.textContent = count === 1 ? "1 route" : `${count} routes`;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "")) {
    event.preventDefault();
    find.focus();
  } else if (event.key === "Escape" && document.activeElement === find) {
    find.value = "";
    find.dispatchEvent(new Event("input"));
  }
});

// A link to what the filter hides ends the filter first.
addEventListener("hashchange", () => {
  const target = document.getElementById(location.hash.slice(1));
  if (!target?.closest("[hidden]")) return;
  find.value = "";
  find.dispatchEvent(new Event("input"));
  target.scrollIntoView();
});

if (navigator.clipboard)
  for (const figure of document.querySelectorAll(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${figure.querySelector("figcaption").textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(figure.querySelector("pre").textContent);
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1500);
    });
    figure.append(button);
  }

let current;
const watcher = new IntersectionObserver(
  (entries) => {
    const entry = entries.find(({ isIntersecting }) => isIntersecting);
    if (!entry) return;
    current?.removeAttribute("aria-current");
    current = links.get(entry.target.id);
    current?.setAttribute("aria-current", "true");
    const box = current.getBoundingClientRect();
    if (getComputedStyle(routes).position === "sticky" && (box.top < 0 || box.bottom > innerHeight))
      routes.scrollTop += box.top - innerHeight / 2;
  },
  { rootMargin: "-10% 0px -80% 0px" },
);
for (const article of articles) watcher.observe(article);
