// The page of sign-ins shows each new one-time code by itself; without this, its link shows them.

async function renew() {
  let wait = 10;
  try {
    const answer = await fetch("/demo/codes", { headers: { Accept: "application/json" } });
    const { codes, seconds } = await answer.json();
    for (const cell of document.querySelectorAll("[data-code-of]")) {
      const code = codes[cell.dataset.codeOf];
      if (code && cell.textContent !== code) {
        cell.textContent = code;
      }
    }
    wait = seconds;
  } catch {
    // The demonstration was stopped, or is starting again: ask a little later.
  }
  window.setTimeout(renew, wait * 1000 + 200);
}

renew();
