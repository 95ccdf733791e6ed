// Warns some minutes before the session ends, offers to extend it, and says when it has ended.
// What somebody has typed stays on the page. A page on which nothing was typed leaves for the sign-in page, so that
// nothing about a pupil stays on the screen of an empty room.

const WARN_SECONDS = 300;
const TICK_MILLISECONDS = 1000;

export function startSessionWarning() {
  const dialog = document.getElementById("session-warning");
  if (!(dialog instanceof HTMLDialogElement)) {
    return;
  }
  const part = (name) => dialog.querySelector(`[data-part="${name}"]`);
  let endsAt = Date.now() + Number(dialog.dataset.secondsLeft) * 1000;
  let dismissed = false;
  let typed = false;
  const timer = window.setInterval(tick, TICK_MILLISECONDS);

  // Work in another tab keeps the session alive: tabs tell each other, since asking the server would extend it too.
  const tabs = new BroadcastChannel("session-ends-at");
  tabs.postMessage(endsAt);
  tabs.addEventListener("message", (message) => {
    if (message.data > endsAt) {
      endsAt = message.data;
      if (dialog.open && endsAt - Date.now() > WARN_SECONDS * 1000) {
        dialog.close();
      }
      dismissed = false;
    }
  });

  document.addEventListener("input", () => { typed = true; });
  part("close").addEventListener("click", close);
  dialog.addEventListener("cancel", () => { dismissed = true; });
  part("stay").addEventListener("click", extend);
  tick();

  function close() {
    dismissed = true;
    dialog.close();
  }

  function tick() {
    const left = Math.ceil((endsAt - Date.now()) / 1000);
    if (left <= 0) {
      end();
      return;
    }
    if (left > WARN_SECONDS) {
      return;
    }
    for (const place of dialog.querySelectorAll('[data-part="left"]')) {
      const words = inWords(left);
      if (place.textContent !== words) {
        place.textContent = words;
      }
    }
    if (!dismissed && !dialog.open) {
      dialog.showModal();
    }
  }

  async function extend() {
    try {
      const response = await fetch("/session/extend", {
        method: "POST",
        headers: { "X-CSRF-Token": dialog.dataset.token, Accept: "application/json" },
      });
      if (response.status === 401) {
        end();
        return;
      }
      if (!response.ok) {
        return; // the time still shown is right; the button can be pressed again
      }
      const seconds = (await response.json()).seconds_left;
      endsAt = Date.now() + seconds * 1000;
      tabs.postMessage(endsAt);
      if (seconds > WARN_SECONDS) {
        close();
        dismissed = false;
      } else {
        part("soon").hidden = true;
        part("last").hidden = false;
        part("stay").hidden = true;
      }
    } catch {
      // No connection: as above.
    }
  }

  function end() {
    window.clearInterval(timer);
    if (!typed) {
      window.location.assign("/sign-in");
      return;
    }
    part("soon").hidden = true;
    part("last").hidden = true;
    part("stay").hidden = true;
    part("ended").hidden = false;
    if (!dialog.open) {
      dialog.showModal();
    }
  }
}

function inWords(seconds) {
  if (seconds > 60) {
    return `${Math.ceil(seconds / 60)} minutes`;
  }
  // Every ten seconds is often enough for people who have it read to them.
  const rounded = Math.max(10, Math.ceil(seconds / 10) * 10);
  return `${rounded} seconds`;
}
