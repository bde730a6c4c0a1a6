// Before the first paint, so that a remembered dark page does not flash white. A file of its own: the policy forbids inline scripts.
try {
  document.documentElement.dataset.theme = localStorage.getItem("cartwake.theme") || "auto";
} catch {
  document.documentElement.dataset.theme = "auto";
}
