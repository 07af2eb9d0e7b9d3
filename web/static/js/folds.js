// Parts of a page that fold: on a narrow screen those of second rank come folded, on a wide one all
// stand open. What the address names stands open, and one opened by hand is named by it: a link shows it.
// A sheet of paper is no narrow screen.
const narrow = matchMedia("screen and (max-width: 720px)");

const unfold = () => {
  const named = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  // The parts it lies in; and where it is no part itself, those it consists of.
  const folded = named.matches("details") ? [named] : [...named.querySelectorAll("details.part")];
  for (let at = named.parentElement?.closest("details"); at; at = at.parentElement.closest("details")) folded.push(at);
  if (!folded.some((part) => !part.open)) return;
  for (const part of folded) part.open = true;
  named.scrollIntoView();
};
const fold = () => {
  for (const part of document.querySelectorAll("details[data-narrow]")) part.open = !narrow.matches;
  unfold();
};
fold();
narrow.addEventListener("change", fold);
addEventListener("hashchange", unfold);
document.addEventListener("click", ({ target }) => {
  const link = target.closest('a[href^="#"]');
  // Followed again, the address does not change: the part may have been folded since.
  if (link && link.hash === location.hash) unfold();
  const part = target.closest("summary")?.parentElement;
  if (part?.id && !part.open && part.matches(".folds > details, details.part")) history.replaceState(null, "", `#${part.id}`);
});
