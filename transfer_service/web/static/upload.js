// Sends chosen files one by one and shows how far each is. The form works without it, in one go. Each file is a request
// of its own: where the connection breaks, what was sealed before stays, and only the rest is sent again.

const LOST = "Not sent: the connection was lost";
const SIGNED_OUT = "Not sent: you have been signed out";

export function startUploads() {
  for (const form of document.querySelectorAll("form[data-upload]")) {
    const upload = new Upload(form);
    form.addEventListener("submit", (event) => upload.begin(event));
    upload.takeDrops();
  }
}

class Upload {
  constructor(form) {
    this.form = form;
    this.input = form.querySelector('input[type="file"]');
    this.list = form.querySelector("[data-upload-files]");
    this.text = form.querySelector("[data-upload-text]");
    this.again = form.querySelector("[data-upload-again]");
    this.signedOut = form.querySelector("[data-upload-signed-out]");
    this.isBusy = false;
    this.rows = [];
    this.next = "";
    this.input.addEventListener("change", () => this.show());
    this.again.querySelector("button").addEventListener("click", () => this.sendAgain());
    // Files that were chosen and not sent would be lost unseen.
    window.addEventListener("beforeunload", (event) => {
      if (this.rows.some((row) => row.isOpen)) {
        event.preventDefault();
      }
    });
  }

  takeDrops() {
    const zone = this.form.querySelector("[data-upload-drop]");
    zone.classList.add("app-drop--ready");
    zone.querySelector("[data-upload-drop-words]").hidden = false;
    for (const kind of ["dragenter", "dragover"]) {
      zone.addEventListener(kind, (event) => {
        event.preventDefault();
        zone.classList.add("app-drop--over");
      });
    }
    for (const kind of ["dragleave", "drop"]) {
      zone.addEventListener(kind, () => zone.classList.remove("app-drop--over"));
    }
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length && !this.isBusy) {
        this.input.files = event.dataTransfer.files;
        // As choosing them does: whoever waits for something to be entered on the page must hear of it.
        this.input.dispatchEvent(new Event("input", { bubbles: true }));
        this.show();
      }
    });
  }

  // Lists what was chosen, before anything is sent.
  show() {
    if (this.isBusy) {
      return;
    }
    this.rows = [...this.input.files].map((file) => new Row(file));
    this.list.replaceChildren(...this.rows.map((row) => row.element));
    this.list.hidden = this.rows.length === 0;
    this.again.hidden = true;
    this.signedOut.hidden = true;
    this.say("");
  }

  begin(event) {
    if (this.isBusy) {
      event.preventDefault();
      return;
    }
    if (this.input.files.length === 0) {
      return; // the page itself says that a file is to be chosen
    }
    event.preventDefault();
    if (this.rows.length !== this.input.files.length) {
      this.show(); // the browser kept the choice when the page was reloaded
    }
    this.send();
  }

  // After signing in again the page's token is of no use: the page of now has one that is.
  async sendAgain() {
    if (this.isBusy) {
      return;
    }
    this.isBusy = true;
    const page = await loadPage();
    const form = page?.querySelector("form[data-upload]");
    if (form) {
      this.form.action = form.action;
    }
    await this.send();
  }

  async send() {
    this.isBusy = true;
    this.again.hidden = true;
    this.signedOut.hidden = true;
    let isSignedOut = false;
    const open = this.rows.filter((row) => row.isOpen);
    for (const [place, row] of open.entries()) {
      this.say(`Sending file ${place + 1} of ${open.length}`);
      const answer = await row.send(this.form.action, this.input.name);
      this.next = answer.next || this.next;
      isSignedOut = answer.isSignedOut === true;
      if (answer.ends) {
        break; // signed out, for instance: the files after it would fare no better
      }
    }
    this.isBusy = false;
    if (this.rows.every((row) => row.isSealed)) {
      window.location.assign(this.next || window.location.href);
      return;
    }
    if (!isSignedOut) {
      await putListAnew();
    }
    this.finish(isSignedOut);
  }

  // Some files are not sealed: says how many, and offers what failed for no fault of the file again.
  finish(isSignedOut) {
    this.rows.filter((row) => row.isSealed).forEach((row) => row.element.remove());
    this.rows = this.rows.filter((row) => !row.isSealed);
    this.input.value = "";
    const count = this.rows.length;
    this.again.hidden = !this.rows.some((row) => row.isOpen);
    this.signedOut.hidden = !isSignedOut;
    this.say(count === 1 ? "One file was not sealed. See why beside it." : `${count} files were not sealed. See why beside each.`, true);
  }

  say(words, isProblem = false) {
    this.text.className = isProblem ? "govuk-error-message" : "govuk-body";
    this.text.textContent = words;
    if (isProblem) {
      this.text.tabIndex = -1;
      this.text.focus();
    }
  }
}

// One chosen file: its name, and how far it is.
class Row {
  constructor(file) {
    this.file = file;
    this.isOpen = true;
    this.isSealed = false;
    this.element = document.createElement("li");
    this.element.className = "app-uploads__file";
    const name = document.createElement("span");
    name.className = "app-uploads__name";
    name.textContent = file.name;
    this.state = document.createElement("span");
    this.element.append(name, this.state);
  }

  send(address, field) {
    const request = new XMLHttpRequest();
    const bar = document.createElement("progress");
    const words = document.createElement("span");
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", this.file.name);
    this.state.className = "";
    this.state.replaceChildren(bar, " ", words);
    request.upload.addEventListener("progress", (progress) => {
      if (progress.lengthComputable) {
        const percent = Math.floor((100 * progress.loaded) / progress.total);
        bar.value = percent;
        words.textContent = percent < 100 ? `${percent}%` : "Sealing and checking…";
      }
    });
    return new Promise((done) => {
      request.addEventListener("load", () => done(this.judge(request)));
      request.addEventListener("error", () => done(this.fail(LOST, true)));
      request.addEventListener("timeout", () => done(this.fail(LOST, true)));
      request.open("POST", address);
      request.setRequestHeader("Accept", "application/json, text/html;q=0.9");
      const body = new FormData();
      body.append(field, this.file);
      request.send(body);
    });
  }

  judge(request) {
    const answer = read(request);
    if (request.status < 400) {
      this.isOpen = false;
      this.isSealed = true;
      this.state.textContent = "Sealed";
      return { next: answer.next };
    }
    if (request.status === 401) {
      return { ...this.fail(SIGNED_OUT, true, true), isSignedOut: true };
    }
    const reason = (answer.detail || "It was not accepted. Check that it is of a kind and size that this page names.").replace(/^File 1: /, "");
    // A page that is out of date (400) is loaded anew before it is tried again.
    return this.fail(reason, request.status >= 500, request.status === 400 || request.status === 403);
  }

  fail(reason, canTryAgain, ends = false) {
    this.isOpen = canTryAgain || ends;
    this.state.className = "govuk-error-message govuk-!-margin-bottom-0";
    this.state.textContent = reason;
    return { ends };
  }
}

function read(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

// Files that were sealed beside one that was not come into the list at once, as does one whose answer was lost; where
// that fails, a reload shows them.
async function putListAnew() {
  const list = document.querySelector("[data-upload-list]");
  const found = (await loadPage())?.querySelector("[data-upload-list]");
  if (list && found) {
    list.replaceWith(found);
  }
}

// This page as it is now; null without a connection, and for whoever may not see it.
async function loadPage() {
  try {
    const answer = await fetch(window.location.pathname, { headers: { Accept: "text/html" } });
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null;
  }
}
