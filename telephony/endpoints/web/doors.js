/* The section "Doors": every way in, a snippet to copy, and a button that asks it. */

import {$, announce, write} from "./dom.js";
import {tryDoor} from "./door-tests.js";
import {ask, keyOr} from "./service.js";
import {chosenVoice} from "./voices.js";

let listed = false;

/* What only a client knows of an address: how it reaches the service, by which key, with whose voice. */
function fill(text) {
  const http = new URL(".", location.href).href.replace(/\/$/, "");
  const places = {http, ws: http.replace(/^http/, "ws"), host: location.hostname, key: keyOr("none"), voice: chosenVoice() || ""};
  return text.replace(/\{(http|ws|host|key|voice)\}/g, (_, name) => places[name]);
}

/* Gets the list once, and again from a service that was started anew. */
export async function followDoors(restarted) {
  if (listed && !restarted) return;
  const answer = await ask("v1/doors");
  if (!answer.ok) return;
  listed = true;
  $("door-list").replaceChildren(...(await answer.json()).doors.map(newDoor));
}

function newDoor(door) {
  const item = $("door-template").content.firstElementChild.cloneNode(true);
  const part = name => item.querySelector(`[data-part="${name}"]`);
  item.dataset.name = door.name;
  write(part("title"), door.title);
  write(part("clients"), `For ${door.clients}.`);
  write(part("address"), fill(door.address));
  write(part("state"), `${door.transport}, ${door.open ? "open" : "closed"}`);
  part("snippet").setAttribute("aria-label", `Snippet for ${door.title}`);
  item.querySelector("details").addEventListener("toggle", () => write(part("snippet"), fill(door.snippet)));
  const copy = part("copy"), test = part("test"), result = part("result");
  copy.setAttribute("aria-label", `Copy the snippet for ${door.title}`);
  copy.addEventListener("click", () => copySnippet(part("snippet"), door));
  test.setAttribute("aria-label", `Test ${door.title}`);
  test.hidden = door.test.by === "nobody" || !door.open;
  if (door.test.by === "nobody") write(result, `Not tested from here: ${door.test.why}.`);
  test.addEventListener("click", async () => {
    test.disabled = true;
    result.classList.remove("wrong");
    write(result, "Asking.");
    const {ok, message} = await tryDoor(door, fill);
    result.classList.toggle("wrong", !ok);
    write(result, message);
    announce(`${door.title}: ${message}`);
    test.disabled = false;
    test.focus();
  });
  return item;
}

async function copySnippet(shownIn, door) {
  write(shownIn, fill(door.snippet));
  try {
    await navigator.clipboard.writeText(shownIn.textContent);
    announce(`The snippet for ${door.title} is in the clipboard.`);
  } catch {                         // not over plain HTTP, or not allowed
    shownIn.closest("details").open = true;
    getSelection().selectAllChildren(shownIn);
    announce(`The snippet for ${door.title} is selected, to be copied.`);
  }
}
