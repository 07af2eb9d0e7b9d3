// The page of an upload that is being read: how far it is, then what it would move.

import { follow, words } from "./stream.js";

const box = document.getElementById("progress");
const bar = box.querySelector("progress");
await follow(box.dataset.upload, (told) => {
  box.querySelector("[data-words]").textContent = words(told);
  const { done, total } = told.progress ?? {};
  if (total) {
    bar.max = total;
    bar.value = done;
  } else bar.removeAttribute("value");
});
location.reload();
