// A fold that the address names stands open, and one opened by hand is named by it: a link shows it.
const unfold = () => {
  const named = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) named.open = true;
};
unfold();
addEventListener("hashchange", unfold);
document.addEventListener("click", ({ target }) => {
  const fold = target.closest(".folds > details > summary")?.parentElement;
  if (fold && !fold.open) history.replaceState(null, "", `#${fold.id}`);
});
