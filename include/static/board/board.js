// The board works without this. It takes over the colours that were chosen in Airflow. Airflow's frame allows no new window, no
// dialog (so no printing) and no other program: links to Airflow's pages, to a window of the board's own, and to mail are
// followed by the page around the frame.
(() => {
  const root = document.documentElement;
  const follow = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* storage is closed: the system's colours stay */ }
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
    else delete root.dataset.theme;
  };
  follow();
  addEventListener("storage", follow);
  root.dataset.script = "";
  // Something is being done that ends by itself: look again, unless somebody is typing. The page without this mark stops it.
  document.addEventListener("DOMContentLoaded", () => {
    if (!document.querySelector("[data-busy]")) return;
    setInterval(() => { if (!document.hidden && !document.activeElement?.closest("input, textarea, select")) location.reload(); }, 4000);
  });
  if (window.parent === window) {
    document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
    return;
  }
  root.dataset.framed = "";
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow], a[data-window], a[href^='mailto:']");
    if (!link) return;
    event.preventDefault();
    const outside = window.parent.document.createElement("a");
    outside.href = link.href;
    if (link.hasAttribute("data-window") || event.ctrlKey || event.metaKey || event.shiftKey) {
      outside.target = "_blank";
      outside.rel = "noopener";
    }
    window.parent.document.body.append(outside);
    outside.click();
    outside.remove();
  });
})();
