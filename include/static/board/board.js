// The board works without this. It takes over the colours that were chosen in Airflow, and lets links to Airflow's own pages
// open in Airflow instead of inside the board's frame.
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
  if (window.parent === window) {
    document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
    return;
  }
  root.dataset.framed = "";
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const outside = window.parent.document.createElement("a");
    outside.href = link.href;
    window.parent.document.body.append(outside);
    outside.click();
    outside.remove();
  });
})();
