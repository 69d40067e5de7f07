/* Light, dark, or as the system has it. */

import {$, stored, write} from "./dom.js";

const THEMES = ["auto", "light", "dark"];

export function followTheme(redraw) {
  function use(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    write($("theme"), `Theme: ${theme}`);
    stored.set("localStorage", "theme", theme === "auto" ? "" : theme);
    redraw();
  }

  $("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme || "auto";
    use(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  const theme = stored.get("localStorage", "theme");
  use(THEMES.includes(theme) ? theme : "auto");
}
